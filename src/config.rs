//! Placeholder until the configuration lands.
#![allow(missing_docs, reason = "placeholder")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order { Weighted, Fastest, Cheapest, Ordered }
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price { pub input: f64, pub cached_input: f64, pub output: f64 }
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenAllOpen { TrySoonest, Fail }
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailoverMode { Retry, NextRequest, Off }
#[derive(Clone)]
pub struct Secret(pub std::sync::Arc<str>);
impl Secret { pub fn expose(&self) -> &str { &self.0 } }
impl std::fmt::Debug for Secret { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("***") } }
#[derive(Debug, Clone)]
pub enum ClientKey { Plain(Secret), Sha256([u8; 32]) }
