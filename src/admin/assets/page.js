"use strict";
// Draws the status JSON. Every value becomes a text node: nothing that a file, a provider or an Envoy wrote is markup.

const REFRESH_MS = 2000;
const TONE = { closed: "good", ready: "good", ramping: "warn", half_open: "warn", probe_due: "warn", probing: "warn", open: "bad" };
const byId = (id) => document.getElementById(id);
let latest = null;
let drawnProviders = null;

function el(tag, tone, ...children) {
  const node = document.createElement(tag);
  if (tone) node.className = tone;
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function table(heads, rows) {
  const head = el("tr", "", ...heads.map((text) => el("th", "", text)));
  const body = rows.map((cells) => el("tr", "", ...cells.map((cell) => el("td", "", cell))));
  return el("table", "", el("thead", "", head), el("tbody", "", ...body));
}

function span(seconds) {
  const s = Math.abs(seconds);
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return `${Math.round(s / 3600)} h`;
}

function moment(when) {
  if (!when) return "";
  const node = el("span", "", when.in_seconds < 0 ? `${span(when.in_seconds)} ago` : `in ${span(when.in_seconds)}`);
  node.title = when.at;
  return node;
}

function state(word, plain) {
  return el("span", TONE[word] || "", `${word} (${plain})`);
}

function circuit(report) {
  const parts = [`${report.scope}: `, state(report.state, report.plain)];
  if (report.share !== null && report.share !== undefined) parts.push(` ${report.share} %`);
  if (report.cause) parts.push(` ${report.cause}`);
  if (report.until) parts.push(" back ", moment(report.until));
  if (report.consecutive_failures) parts.push(`, ${report.consecutive_failures} failures in a row`);
  if (report.ejections) parts.push(`, opened ${report.ejections} times`);
  if (report.window_requests) parts.push(`, ${report.window_failures} of ${report.window_requests} failed`);
  return el("div", "", ...parts);
}

function failure(report) {
  if (!report) return "";
  const what = [report.class, report.status, report.detail].filter(Boolean).join(" ");
  return el("span", "", `${what}, `, moment(report.when));
}

function place(target) {
  const node = el("span", target.attempts ? "" : "dim", `${target.place ?? "–"}`);
  node.title = target.why;
  return node;
}

function price(report) {
  return report ? `${report.input} / ${report.output}` : "";
}

function order(text, provider, path, body) {
  const button = el("button", "", text);
  button.type = "button";
  button.addEventListener("click", async () => {
    if (!confirm(`${text}: ${provider}?`)) return;
    button.disabled = true;
    await call("POST", path, body).catch(trouble);
    await refresh();
  });
  return button;
}

function targets(model) {
  return table(
    ["#", "provider", "model", "standing", "back", "left out because", "last failure", "first token", "USD per M in / out", "group", "weight"],
    model.targets.map((target) => [
      place(target),
      target.provider,
      target.model,
      el("span", "", state(target.standing, target.plain), target.cause ? ` ${target.cause}` : ""),
      moment(target.until),
      target.skip ? target.skip.detail : "",
      failure(target.last_failure),
      target.speed_ms === null ? "" : `${Math.round(target.speed_ms)} ms`,
      price(target.price),
      target.backup_rank ? `${target.priority}, backup ${target.backup_rank}` : `${target.priority}`,
      `${target.weight}`,
    ]),
  );
}

function drawModels() {
  const wanted = byId("filter").value.toLowerCase();
  const shown = latest.models.filter((model) => [model.name, ...model.aliases].some((name) => name.toLowerCase().includes(wanted)));
  byId("models").replaceChildren(...shown.flatMap((model) => {
    const how = `${model.order}, ${model.mode}, at most ${model.attempts} attempts` + (model.aliases.length ? `, also ${model.aliases.join(", ")}` : "");
    const all = model.all_open ? el("span", "bad", ` every target is benched: ${model.when_all_open}`) : "";
    return [el("h3", "", `${model.name} `, el("small", "", how), all), targets(model)];
  }));
}

function drawProviders() {
  // A button that is replaced while it is pressed does nothing.
  const facts = JSON.stringify(latest.providers);
  if (facts === drawnProviders) return;
  drawnProviders = facts;
  byId("providers").replaceChildren(table(
    ["provider", "kind", "endpoint", "circuits", "health check", ""],
    latest.providers.map((provider) => {
      const path = `admin/providers/${encodeURIComponent(provider.name)}/`;
      const health = provider.health;
      return [
        el("span", "", provider.name, provider.draining ? el("span", "warn", " draining") : ""),
        provider.kind,
        provider.endpoint,
        el("div", "", ...provider.circuits.map(circuit)),
        health ? el("span", health.ok ? "good" : "bad", health.ok ? "ok " : `failed ${health.status ?? health.detail ?? ""} `, moment(health.when)) : "",
        el("span", "",
          provider.draining ? order("Resume", provider.name, `${path}resume`) : order("Drain", provider.name, `${path}drain`),
          order("Reset circuits", provider.name, "admin/circuits/reset", { provider: provider.name })),
      ];
    }),
  ));
}

function drawEnvoys() {
  const rows = latest.envoys.map((envoy) => [
    envoy.node,
    envoy.version,
    envoy.connected ? el("span", "good", "connected") : el("span", "bad", "away"),
    el("div", "", ...envoy.acked.map((type) => el("span", type.current ? "good" : "warn", `${type.kind} ${type.version} `))),
    envoy.nack ? el("div", "bad wrap", `${envoy.nack.kind} ${envoy.nack.version}: ${envoy.nack.message} `, moment(envoy.nack.when)) : "",
  ]);
  const none = el("p", "warn", "no Envoy has asked for its configuration yet");
  byId("envoys").replaceChildren(rows.length ? table(["node", "version", "stream", "acknowledged", "refused"], rows) : none);
}

function drawNotes() {
  const notes = latest.warnings.map((text) => el("li", "warn", text));
  if (latest.rejected) {
    notes.unshift(el("li", "bad wrap", `the changed configuration was refused (`, moment(latest.rejected.when), `): ${latest.rejected.reason}`));
  }
  notes.unshift(...latest.readiness.reasons.map((text) => el("li", "bad", `not ready: ${text}`)));
  byId("notes").replaceChildren(...notes);
}

function draw() {
  byId("summary").replaceChildren(
    el("span", latest.readiness.ready ? "good" : "bad", latest.readiness.ready ? "ready" : "not ready"),
    ` · generation ${latest.generation} of ${latest.config_path} · ${latest.requests_in_flight} in flight · up ${span(latest.uptime_seconds)} · version ${latest.version}`,
  );
  drawNotes();
  drawModels();
  drawProviders();
  drawEnvoys();
}

async function call(method, path, body) {
  const headers = {};
  const token = sessionStorage.getItem("token");
  if (token) headers.authorization = `Bearer ${token}`;
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  if (answer.status === 401) {
    sessionStorage.removeItem("token");
    byId("sign-in").hidden = false;
    byId("content").hidden = true;
    throw new Error("the admin token is needed");
  }
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.error.message);
  return json;
}

function trouble(error) {
  byId("trouble").textContent = error.message;
  byId("trouble").hidden = false;
}

async function refresh() {
  try {
    latest = await call("GET", "admin/failover/status");
    byId("sign-in").hidden = true;
    byId("content").hidden = false;
    byId("trouble").hidden = true;
    draw();
  } catch (error) {
    trouble(error);
  }
}

async function poll() {
  if (!document.hidden && byId("sign-in").hidden) await refresh();
  setTimeout(poll, REFRESH_MS);
}

byId("filter").addEventListener("input", () => latest && drawModels());
byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", byId("token").value);
  byId("token").value = "";
  refresh();
});
poll();
