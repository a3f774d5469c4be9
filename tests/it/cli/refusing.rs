use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use super::program::{Place, Ran};

const REST: &str = "
providers: { p: { kind: openai-compatible, endpoint: \"http://127.0.0.1:9/v1\", auth: none } }
models: { m: { targets: [ { provider: p } ] } }
";

fn said(ran: &Ran) -> &str {
    assert_eq!(ran.code, Some(1), "{ran:?}");
    // Whatever the log says stands before it.
    ran.err.lines().last().unwrap_or_default()
}

#[tokio::test]
async fn a_file_that_cannot_be_read() {
    let place = Place::new();
    let readme = place.write("folder/readme", "");
    let folder = readme.parent().unwrap().to_str().unwrap();

    for command in ["up", "serve", "check", "probe", "explain"] {
        let mut arguments = vec![command, "-c", "no.yaml"];
        arguments.extend((command == "explain").then_some("m"));
        let ran = place.run(&arguments).await;
        assert_eq!(ran.code, Some(1), "{command}");
        assert!(
            ran.err
                .starts_with("understudy: no.yaml cannot be read: No such file or directory (os error 2)"),
            "{command}: {}",
            ran.err
        );
    }
    assert_eq!(
        said(&place.run(&["up", "-c", "no.yaml"]).await),
        "understudy: no.yaml cannot be read: No such file or directory (os error 2); say where it is with \
         `--config`, or begin with a copy of examples/understudy.yaml"
    );
    assert_eq!(
        said(&place.run(&["up", "-c", folder]).await),
        format!("understudy: {folder} cannot be read: Is a directory (os error 21); name the file in it")
    );
}

#[tokio::test]
async fn no_envoy() {
    let place = Place::with_config(REST).without_envoy();
    place.write("bin/other", "");

    let nowhere = place.run(&["up"]).await;
    let named = place.run(&["up", "--envoy", "./nope"]).await;

    let bin = place.path().join("bin/envoy");
    assert_eq!(
        said(&nowhere),
        format!(
            "understudy: there is no Envoy at `{}`, `envoy/bin/envoy`; run `envoy/fetch.sh`, or name one with \
             `--envoy` or `$ENVOY`",
            bin.display()
        )
    );
    assert_eq!(
        said(&named),
        "understudy: `./nope`, named by `--envoy`, is not there; correct it, or leave it out and run `envoy/fetch.sh`"
    );
}

#[tokio::test]
async fn an_envoy_that_is_too_old_or_none() {
    let place = Place::with_config(REST);
    let old = place.write_program(
        "old",
        "echo 'envoy  version: 1d2d8a0/1.30.2/Clean/RELEASE/BoringSSL'",
    );
    let other = place.write_program("other", "echo hello");

    for command in ["up", "check", "probe", "demo"] {
        let ran = place.run(&[command, "--envoy", old.to_str().unwrap()]).await;
        assert_eq!(
            said(&ran),
            format!(
                "understudy: `{}` is Envoy 1.30.2, and 1.40.0 or newer is needed; run `envoy/fetch.sh` and leave out \
                 `--envoy` and `$ENVOY`",
                old.display()
            ),
            "{command}"
        );
    }
    assert_eq!(
        said(&place.run(&["up", "--envoy", other.to_str().unwrap()]).await),
        format!(
            "understudy: `{}` is not an Envoy: asked for its version it said `hello`",
            other.display()
        )
    );
}

#[tokio::test]
async fn an_old_envoy_in_the_path_gives_way_to_the_one_that_was_fetched() {
    let place = Place::with_config(REST).without_envoy();
    place.write_program(
        "bin/envoy",
        "echo 'envoy  version: 1d2d8a0/1.30.2/Clean/RELEASE/BoringSSL'",
    );
    std::fs::create_dir_all(place.path().join("envoy/bin")).unwrap();
    std::os::unix::fs::symlink(
        super::program::stock_envoy(),
        place.path().join("envoy/bin/envoy"),
    )
    .unwrap();

    let ran = place.run(&["check"]).await;

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out
            .ends_with("Envoy 1.40.0 accepts the configuration that it yields\n")
    );
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let place = Place::with_config(REST);
    let addresses = place.addresses;
    let taken = |address| TcpListener::bind(address).unwrap();

    let listen = {
        let _taken = taken(addresses.listen);
        place.run(&["up"]).await
    };
    let envoy_admin = {
        let _taken = taken(addresses.envoy_admin);
        place.run(&["up"]).await
    };
    let admin = {
        let _taken = taken(addresses.admin);
        place.run(&["up"]).await
    };

    assert_eq!(
        said(&listen),
        format!(
            "understudy: Envoy cannot listen on {} (`listen`): the port is taken; stop what listens there, or choose \
             another port",
            addresses.listen
        )
    );
    assert_eq!(
        said(&envoy_admin),
        format!(
            "understudy: Envoy cannot listen on {} (`envoy.admin`): the port is taken; stop what listens there, or \
             choose another port",
            addresses.envoy_admin
        )
    );
    assert_eq!(
        said(&admin),
        format!(
            "understudy: cannot listen on the admin address {}: Address already in use (os error 98); free it, or \
             set `admin` to another",
            addresses.admin
        )
    );
    assert!(!place.path().join("run/understudy.sock").exists());
}

#[tokio::test]
async fn a_grpc_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let place = Place::with_config(&format!("grpc: {address}\n{REST}"));

    let ran = place.run(&["serve"]).await;

    assert_eq!(
        said(&ran),
        format!(
            "understudy: `grpc` cannot listen on `{address}`: Address already in use (os error 98); stop what listens \
             there, or change `grpc` in the configuration"
        )
    );
}

#[tokio::test]
async fn a_socket_path_that_cannot_be_used() {
    let place = Place::with_config(&format!("grpc: unix:file/understudy.sock\n{REST}"));
    place.write("file", "");
    let under_a_file = place.run(&["serve"]).await;
    std::fs::remove_file(place.path().join("file")).unwrap();
    let no_socket = place.write("file/understudy.sock", "precious");
    let in_place_of_a_file = place.run(&["serve"]).await;
    let kept = std::fs::read_to_string(&no_socket).unwrap();
    std::fs::remove_file(&no_socket).unwrap();
    let _other = UnixListener::bind(&no_socket).unwrap();
    let in_use = place.run(&["serve"]).await;

    let socket = "understudy: `grpc` cannot listen on `unix:file/understudy.sock`";
    let choose = "choose another place for `grpc`, one that this user may write to";
    for (ran, expected) in [
        (
            &under_a_file,
            format!("{socket}: File exists (os error 17); {choose}"),
        ),
        (
            &in_place_of_a_file,
            format!("{socket}: something that is no socket is there; {choose}"),
        ),
        (
            &in_use,
            format!(
                "{socket}: another process listens there; stop what listens there, or change `grpc` in the \
                 configuration"
            ),
        ),
    ] {
        assert_eq!(said(ran), expected);
    }
    assert_eq!(kept, "precious");
}

#[tokio::test]
async fn nobody_to_ask() {
    let place = Place::with_config(REST);
    let admin = place.addresses.admin;

    let status = place.run(&["status"]).await;
    let ready = place.run(&["status", "--ready"]).await;
    let explain = place.run(&["explain", "m", "--admin", &admin.to_string()]).await;

    let expected = format!(
        "understudy: no Understudy answers at {admin}; start one with `understudy up`, or say where it is with \
         `--admin`"
    );
    for ran in [&status, &ready, &explain] {
        assert_eq!(said(ran), expected);
    }
}
