//! Who there is: every provider and backup of the file by name, before any of them is judged.
//!
//! Invariant: no two entries have the same name, and a backup comes right after its primary.

use super::super::{Layers, Noted, count};
use crate::config::kind::Kind;
use crate::config::mistake::{ConfigPath, Invalid, Report};
use crate::config::name::{ModelName, ProviderName};
use crate::config::provider::BackupOf;
use crate::config::raw::{Entries, RawAccount, RawBackup, RawProvider};

/// A provider or backup as the file names it.
pub(in crate::config::resolve) struct Entry<'r> {
    /// Where it stands.
    pub(in crate::config::resolve) at: ConfigPath,
    /// Its name; `None` when that is none, which is told already.
    pub(in crate::config::resolve) name: Option<ProviderName>,
    /// What it says, over what its primary says.
    pub(in crate::config::resolve) said: Layers<'r, RawAccount>,
    written: String,
    backup: Option<Backup>,
}

/// Whose backup it is.
struct Backup {
    primary: String,
    primary_name: Option<ProviderName>,
    /// 1 for the first.
    rank: u32,
}

impl Entry<'_> {
    /// Its name as the file has it.
    pub(in crate::config::resolve) fn written(&self) -> &str {
        &self.written
    }

    /// What it calls the models it serves, if it says so.
    pub(in crate::config::resolve) fn deployment(
        &self,
        report: &mut Report<'_>,
    ) -> Result<Option<ModelName>, Noted> {
        match self
            .said
            .said("deployment", |account| account.deployment.as_ref())
        {
            None => Ok(None),
            Some(said) => report
                .accept(&said.at, ModelName::try_new(said.value))
                .map(Some)
                .ok_or(Noted),
        }
    }

    /// It is a backup that names a deployment of its own.
    pub(in crate::config::resolve) fn has_own_deployment(&self) -> bool {
        self.backup.is_some()
            && self
                .said
                .iter()
                .next()
                .is_some_and(|(account, _)| account.deployment.is_some())
    }

    /// It speaks to Azure, as far as the file is clear about it.
    pub(in crate::config::resolve) fn is_azure(&self) -> bool {
        let kind = self.said.said("kind", |account| account.kind.as_ref());
        kind.is_some_and(|kind| *kind.value == Kind::AzureOpenAi)
    }

    /// 0 for a provider, 1 for its first backup.
    pub(in crate::config::resolve) fn rank(&self) -> u32 {
        self.backup.as_ref().map_or(0, |backup| backup.rank)
    }

    /// The provider it is a backup of.
    pub(super) fn backup_of(&self) -> Result<Option<BackupOf>, Noted> {
        match &self.backup {
            None => Ok(None),
            Some(backup) => {
                let primary = backup.primary_name.clone().ok_or(Noted)?;
                Ok(Some(BackupOf {
                    primary,
                    rank: backup.rank,
                }))
            }
        }
    }
}

/// Every provider and backup of the file.
pub(in crate::config::resolve) struct Roster<'r> {
    entries: Vec<Entry<'r>>,
    /// The names of `providers`, which no backup can take.
    taken: Vec<&'r str>,
}

impl<'r> Roster<'r> {
    /// Reads the names, and tells what is wrong with them.
    pub(super) fn of(
        raw: Option<&'r Entries<RawProvider>>,
        at: &ConfigPath,
        report: &mut Report<'_>,
    ) -> Self {
        let providers = || raw.into_iter().flat_map(Entries::iter);
        let taken = providers().map(|(name, _)| name).collect();
        let mut roster = Self {
            entries: Vec::new(),
            taken,
        };
        for (written, provider) in providers() {
            let at = at.key(written);
            let name = ProviderName::try_new(written);
            let name = name
                .map_err(|invalid| report.refuse(&at, invalid.about(written)))
                .ok();
            let said = Layers::new(Some(&provider.account), &at);
            let primary = Entry {
                at,
                name,
                said,
                written: written.to_owned(),
                backup: None,
            };
            let mut entries = vec![primary];
            for backup in provider.backups.iter().flatten() {
                let entry = roster.backup(backup, &entries, report);
                entries.extend(entry);
            }
            roster.entries.append(&mut entries);
        }
        roster
    }

    /// The next backup of a family that begins with its primary.
    fn backup(&self, raw: &'r RawBackup, family: &[Entry<'r>], report: &mut Report<'_>) -> Option<Entry<'r>> {
        let primary = family.first()?;
        let at = primary.at.key("backups").index(family.len() - 1);
        let rank = count(family.len() as u64);
        let name_at = at.key("name");
        let written = raw
            .name
            .clone()
            .unwrap_or_else(|| format!("{}-backup-{rank}", primary.written));
        let is_known = |entries: &[Entry<'_>]| entries.iter().any(|entry| entry.written == written);
        let name = if self.taken.contains(&written.as_str()) || is_known(&self.entries) || is_known(family) {
            let invalid = Invalid::new("is the name of another provider").about(&written);
            Err(invalid.hint("write `name:` with one of its own"))
        } else {
            ProviderName::try_new(&written).map_err(|invalid| invalid.about(&written))
        };
        // A name made from one that is wrong is wrong for the same reason.
        let is_own = raw.name.is_some() || primary.name.is_some();
        let name = name
            .map_err(|invalid| {
                if is_own {
                    report.refuse(&name_at, invalid);
                }
            })
            .ok();
        let said = Layers::new(Some(&raw.account), &at).over(&primary.said);
        let backup = Some(Backup {
            primary: primary.written.clone(),
            primary_name: primary.name.clone(),
            rank,
        });
        Some(Entry {
            at,
            name,
            said,
            written,
            backup,
        })
    }

    /// Everyone, in the order of the file.
    pub(in crate::config::resolve) fn entries(&self) -> &[Entry<'r>] {
        &self.entries
    }

    /// Every name, for suggestions.
    pub(in crate::config::resolve) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.written.as_str())
    }

    /// The position of the one that the file calls by this name.
    pub(in crate::config::resolve) fn find(&self, written: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.written == written)
    }

    /// The one at this position, and the backups that follow it.
    pub(in crate::config::resolve) fn with_backups(&self, index: usize) -> impl Iterator<Item = &Entry<'r>> {
        let mut family = self.entries.iter().skip(index);
        let first = family.next();
        let is_backup = move |entry: &&Entry<'r>| {
            let primary = entry.backup.as_ref().map(|backup| backup.primary.as_str());
            primary.is_some() && primary == first.map(Entry::written)
        };
        first.into_iter().chain(family.take_while(is_backup))
    }
}
