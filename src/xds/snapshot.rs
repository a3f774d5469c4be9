//! Everything Envoy is told, as one value.
//!
//! A snapshot is a pure function of the settings and the catalog: the order of providers or models does not matter,
//! health and time are unknown to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::route::v3::Route;
use envoy_types::pb::google::protobuf::Any;

use super::message::any;
use super::resource::{ResourceSet, ResourceType, Version};
use super::settings::EnvoySettings;
use super::{cluster, listener, route};
use crate::catalog::{Catalog, Policy, Provider};

/// Everything Envoy is told.
#[derive(Debug, Clone)]
pub struct Snapshot {
    clusters: BTreeMap<Arc<str>, Any>,
    listeners: BTreeMap<Arc<str>, Any>,
    routes: BTreeMap<Arc<str>, Route>,
    max_body: u64,
    sets: [ResourceSet; 3],
}

/// The versions of all kinds of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnapshotVersion([Version; 3]);

impl SnapshotVersion {
    /// The version of one kind.
    pub fn of(&self, kind: ResourceType) -> &Version {
        &self.0[kind as usize]
    }
}

impl Snapshot {
    /// What Envoy must be told so that this catalog can be served.
    pub fn build(settings: &EnvoySettings, catalog: &Catalog) -> Self {
        Self::of(settings, &catalog.providers, &catalog.policies)
    }

    /// The same from the parts of a catalog that Envoy hears of.
    pub(super) fn of(settings: &EnvoySettings, providers: &[Provider], policies: &[Policy]) -> Self {
        let clusters = clusters(settings, providers);
        let listeners = [listener::clients(settings), listener::absent()];
        Self::assemble(
            clusters
                .map(|cluster| (cluster.name.as_str().into(), any(&cluster)))
                .collect(),
            listeners
                .iter()
                .map(|listener| (listener.name.as_str().into(), any(listener)))
                .collect(),
            routes(settings, policies),
            settings.max_body,
        )
    }

    /// The new snapshot with whatever only the old one has, so that requests planned before and after a change
    /// both find their clusters and routes.
    pub fn union(old: &Self, new: &Self) -> Self {
        Self::assemble(
            overlaid(&old.clusters, &new.clusters),
            overlaid(&old.listeners, &new.listeners),
            overlaid(&old.routes, &new.routes),
            new.max_body,
        )
    }

    fn assemble(
        clusters: BTreeMap<Arc<str>, Any>,
        listeners: BTreeMap<Arc<str>, Any>,
        routes: BTreeMap<Arc<str>, Route>,
        max_body: u64,
    ) -> Self {
        let listed = |resources: &BTreeMap<Arc<str>, Any>| {
            ResourceSet::new(
                resources
                    .iter()
                    .map(|(name, body)| (Arc::clone(name), body.clone()))
                    .collect(),
            )
        };
        let configuration = route::configuration(&routes, max_body);
        let sets = [
            listed(&clusters),
            listed(&listeners),
            ResourceSet::new(vec![(configuration.name.as_str().into(), any(&configuration))]),
        ];
        Self {
            clusters,
            listeners,
            routes,
            max_body,
            sets,
        }
    }

    /// All resources of one kind.
    pub fn set(&self, kind: ResourceType) -> &ResourceSet {
        &self.sets[kind as usize]
    }

    /// The versions of all kinds.
    pub fn version(&self) -> SnapshotVersion {
        SnapshotVersion(ResourceType::ALL.map(|kind| self.set(kind).version().clone()))
    }

    /// Adds or replaces a cluster, whether or not Envoy would take it.
    #[cfg(test)]
    pub(super) fn with_cluster(&self, cluster: &Cluster) -> Self {
        let mut clusters = self.clusters.clone();
        clusters.insert(cluster.name.as_str().into(), any(cluster));
        Self::assemble(
            clusters,
            self.listeners.clone(),
            self.routes.clone(),
            self.max_body,
        )
    }
}

/// The clusters of all providers, with those that every catalog has.
pub(super) fn clusters(settings: &EnvoySettings, providers: &[Provider]) -> impl Iterator<Item = Cluster> {
    let of_providers = providers
        .iter()
        .flat_map(|provider| cluster::of_provider(provider, settings));
    of_providers.chain(cluster::constant())
}

/// The routes of all policies, by what selects them.
pub(super) fn routes(settings: &EnvoySettings, policies: &[Policy]) -> BTreeMap<Arc<str>, Route> {
    let route = |policy| route::of_policy(policy, settings.max_body);
    policies
        .iter()
        .map(|policy| (Arc::clone(&policy.key), route(policy)))
        .collect()
}

fn overlaid<T: Clone>(old: &BTreeMap<Arc<str>, T>, new: &BTreeMap<Arc<str>, T>) -> BTreeMap<Arc<str>, T> {
    let mut all = old.clone();
    all.extend(new.iter().map(|(name, value)| (Arc::clone(name), value.clone())));
    all
}
