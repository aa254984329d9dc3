//! Every allowed combination of the three policies lives through everything that can happen, all at the same time.
//!
//! Things are done to all objects at once, then all are waited for. What must *not* happen is looked at when all that
//! must happen has happened, which is later than it would have taken.

use std::{collections::BTreeMap, fmt::Write};

use futures::future::join_all;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use super::{entry, map};
use crate::world::{Space, on_eso_crds, until};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Creation {
    Owner,
    Orphan,
    Merge,
    CreateOrMerge,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deletion {
    Retain,
    Delete,
    Merge,
}

/// When the source is read again without being asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    /// Periodic, every two seconds.
    Often,
    /// Periodic, every hour: not within this test.
    Rarely,
    /// Periodic with interval 0.
    Zero,
    OnChange,
    CreatedOnce,
}

const REFRESHES: [Refresh; 5] = [
    Refresh::Often,
    Refresh::Rarely,
    Refresh::Zero,
    Refresh::OnChange,
    Refresh::CreatedOnce,
];

/// Combinations that admission allows.
const ALLOWED: [(Creation, Deletion); 11] = [
    (Creation::Owner, Deletion::Retain),
    (Creation::Owner, Deletion::Delete),
    (Creation::Owner, Deletion::Merge),
    (Creation::Orphan, Deletion::Retain),
    (Creation::Orphan, Deletion::Delete),
    (Creation::Orphan, Deletion::Merge),
    (Creation::Merge, Deletion::Retain),
    (Creation::Merge, Deletion::Merge),
    (Creation::CreateOrMerge, Deletion::Retain),
    (Creation::CreateOrMerge, Deletion::Merge),
    (Creation::None, Deletion::Retain),
];

/// One object.
#[derive(Clone, Debug)]
struct Life {
    creation: Creation,
    deletion: Deletion,
    refresh: Refresh,
    name: String,
}

/// What is to be seen of one object: its Secret's data, and its Ready condition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    data: Option<BTreeMap<String, String>>,
    status: &'static str,
    reason: &'static str,
    /// The whole message, or with Ready=False its beginning.
    message: &'static str,
}

fn synced(data: Option<&[(&str, &str)]>) -> Seen {
    Seen {
        data: data.map(map),
        status: "True",
        reason: "SecretSynced",
        message: "secret synced",
    }
}

fn failed(data: Option<&[(&str, &str)]>, message: &'static str) -> Seen {
    Seen {
        data: data.map(map),
        status: "False",
        reason: "SecretSyncedError",
        message,
    }
}

const MISSING: Seen = Seen {
    data: None,
    status: "True",
    reason: "SecretMissing",
    message: "secret will not be created due to CreationPolicy=Merge",
};

const DELETED: Seen = Seen {
    data: None,
    status: "True",
    reason: "SecretDeleted",
    message: "secret deleted due to DeletionPolicy=Delete",
};

impl Life {
    fn all() -> Vec<Self> {
        let lives = ALLOWED.iter().flat_map(|(creation, deletion)| {
            REFRESHES.iter().map(move |refresh| {
                let name = format!("{creation:?}-{deletion:?}-{refresh:?}").to_lowercase();
                Self {
                    creation: *creation,
                    deletion: *deletion,
                    refresh: *refresh,
                    name,
                }
            })
        });
        lives.collect()
    }

    fn spec(&self, space: &Space) -> Value {
        let (policy, interval) = match self.refresh {
            Refresh::Often => ("Periodic", "2s"),
            Refresh::Rarely => ("Periodic", "1h"),
            Refresh::Zero => ("Periodic", "0"),
            Refresh::OnChange => ("OnChange", "1h"),
            Refresh::CreatedOnce => ("CreatedOnce", "1h"),
        };
        json!({
            "refreshPolicy": policy,
            "refreshInterval": interval,
            "target": {
                "creationPolicy": format!("{:?}", self.creation),
                "deletionPolicy": format!("{:?}", self.deletion),
            },
            "data": [entry(space, "v", "a"), entry(space, "w", "b")],
        })
    }

    /// A Secret that somebody else makes first: there is something to merge into, or to leave alone.
    fn has_foreign_target(&self) -> bool {
        matches!(self.creation, Creation::Merge | Creation::None)
    }

    fn is_refreshed(&self) -> bool {
        self.refresh == Refresh::Often
    }

    /// Data of the target when all of `pairs` came from the source.
    fn with_foreign(
        &self,
        pairs: &[(&'static str, &'static str)],
        foreign: &[(&'static str, &'static str)],
    ) -> Seen {
        let all: Vec<_> = pairs.iter().chain(foreign).copied().collect();
        match self.creation {
            Creation::Owner | Creation::Orphan => synced(Some(pairs)),
            Creation::Merge | Creation::CreateOrMerge => synced(Some(&all)),
            Creation::None => synced(Some(foreign)),
        }
    }

    fn created(&self) -> Seen {
        match self.creation {
            Creation::Merge | Creation::None => {
                self.with_foreign(&[("v", "one"), ("w", "one")], &[("foreign", "kept")])
            }
            _ => self.with_foreign(&[("v", "one"), ("w", "one")], &[]),
        }
    }

    /// Somebody set `v` to `edited` and added a key.
    fn edited(&self) -> Seen {
        let edited = [("v", "edited"), ("extra", "added")];
        match self.creation {
            Creation::Owner => synced(Some(&[("v", "one"), ("w", "one")])),
            Creation::Orphan if self.is_refreshed() => synced(Some(&[("v", "one"), ("w", "one")])),
            Creation::Orphan => synced(Some(&[("v", "edited"), ("w", "one"), ("extra", "added")])),
            Creation::Merge => synced(Some(&[
                ("v", "one"),
                ("w", "one"),
                ("foreign", "kept"),
                ("extra", "added"),
            ])),
            Creation::CreateOrMerge => synced(Some(&[("v", "one"), ("w", "one"), ("extra", "added")])),
            Creation::None => self.with_foreign(&[], &[("foreign", "kept"), edited[0], edited[1]]),
        }
    }

    /// Somebody deleted the Secret.
    fn deleted(&self) -> Seen {
        match self.creation {
            Creation::Owner | Creation::CreateOrMerge => synced(Some(&[("v", "one"), ("w", "one")])),
            Creation::Orphan if self.is_refreshed() => synced(Some(&[("v", "one"), ("w", "one")])),
            Creation::Orphan | Creation::None => synced(None),
            Creation::Merge => MISSING,
        }
    }

    /// Both values are this, after a refresh.
    fn both(&self, value: &'static str) -> Seen {
        self.with_foreign(&[("v", value), ("w", value)], &[("foreign", "kept")])
    }

    /// `b` is gone at AWS, after a refresh.
    fn partly_gone(&self) -> Seen {
        if self.deletion == Deletion::Retain {
            let kept = self.both("two");
            Seen {
                status: "False",
                reason: "SecretSyncedError",
                message: "SecretNotFound: ",
                ..kept
            }
        } else {
            self.with_foreign(&[("v", "two")], &[("foreign", "kept")])
        }
    }

    /// Both are gone at AWS, after a refresh.
    fn gone(&self) -> Seen {
        match (self.deletion, self.creation) {
            (Deletion::Retain, _) => self.partly_gone(),
            (Deletion::Delete, Creation::Owner) => DELETED,
            (Deletion::Delete, _) => failed(
                Some(&[("v", "two")]),
                "SecretNotFound: deletionPolicy=Delete must not be used",
            ),
            (Deletion::Merge, _) => self.with_foreign(&[], &[("foreign", "kept")]),
        }
    }
}

/// The objects of one test.
struct Lives {
    space: Space,
    lives: Vec<Life>,
}

impl Lives {
    async fn of(&self, wanted: impl Fn(&Life) -> bool, act: impl AsyncFn(&Life)) {
        join_all(
            self.lives
                .iter()
                .filter(|life| wanted(life))
                .map(|life| act(life)),
        )
        .await;
    }

    /// All Secrets and Ready conditions of the namespace, by name.
    async fn seen(
        &self,
    ) -> Result<BTreeMap<String, (Option<BTreeMap<String, String>>, String, String, String)>, String> {
        let everything = ListParams::default();
        let objects = self
            .space
            .objects()
            .list(&everything)
            .await
            .map_err(|e| e.to_string())?;
        let secrets = self
            .space
            .secrets()
            .list(&everything)
            .await
            .map_err(|e| e.to_string())?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let mut data: BTreeMap<_, BTreeMap<_, _>> = secrets
            .items
            .into_iter()
            .map(|secret| {
                let data = secret
                    .data
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(key, value)| (key, text(value.0)));
                (secret.metadata.name.unwrap(), data.collect())
            })
            .collect();
        let seen = objects.items.into_iter().map(|object| {
            let name = object.metadata.name.unwrap();
            let conditions = object
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let ready = conditions
                .into_iter()
                .find(|condition| condition.type_ == "Ready");
            let (status, reason, message) = ready.map_or_else(Default::default, |ready| {
                (
                    ready.status,
                    ready.reason.unwrap_or_default(),
                    ready.message.unwrap_or_default(),
                )
            });
            let data = data.remove(&name);
            (name, (data, status, reason, message))
        });
        Ok(seen.collect())
    }

    /// Waits until every object that is meant looks as it should.
    async fn look(&self, after: &str, wanted: impl Fn(&Life) -> Seen, meant: impl Fn(&Life) -> bool) {
        until(&format!("all to look right after: {after}"), || async {
            let seen = self.seen().await?;
            let mut wrong = String::new();
            for life in self.lives.iter().filter(|life| meant(life)) {
                let wanted = wanted(life);
                let Some((data, status, reason, message)) = seen.get(&life.name) else {
                    return Err(format!("no object {}", life.name));
                };
                let message_is_right = if status == "True" {
                    message == wanted.message
                } else {
                    message.starts_with(wanted.message)
                };
                if *data != wanted.data
                    || status != wanted.status
                    || reason != wanted.reason
                    || !message_is_right
                {
                    write!(
                        wrong,
                        "\n{}: {data:?} {status} {reason} {message:?}, not {wanted:?}",
                        life.name
                    )
                    .unwrap();
                }
            }
            if wrong.is_empty() { Ok(()) } else { Err(wrong) }
        })
        .await;
    }

    /// First those that must change, then all: what must stay as it was had all that time to be wrong.
    async fn see(&self, after: &str, wanted: impl Fn(&Life) -> Seen, changes: impl Fn(&Life) -> bool) {
        self.look(after, &wanted, changes).await;
        self.look(&format!("{after} (those that must not change)"), &wanted, |_| {
            true
        })
        .await;
    }

    /// Asks everything for a sync that would not have one by itself.
    async fn force(&self, value: &str) {
        self.of(
            |life| !life.is_refreshed(),
            async |life| {
                self.space
                    .annotate(&life.name, "external-secrets.io/force-sync", value)
                    .await;
            },
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_allowed_combination_of_policies_does_what_the_table_of_policies_says() {
    let space = Space::new().await;
    space.store().await;
    space.put("a", "one").await;
    space.put("b", "one").await;
    let lives = Lives {
        space,
        lives: Life::all(),
    };
    let space = &lives.space;

    let foreign = async |life: &Life| {
        space.foreign_secret(&life.name, &[("foreign", "kept")]).await;
    };
    lives.of(Life::has_foreign_target, foreign).await;
    lives
        .of(
            |_| true,
            async |life| space.apply(&life.name, life.spec(space)).await,
        )
        .await;
    lives.see("the object was created", Life::created, |_| true).await;
    marks_are_right(&lives).await;

    lives
        .of(
            |_| true,
            async |life| {
                space
                    .edit(&life.name, json!({ "v": "edited", "extra": "added" }))
                    .await;
            },
        )
        .await;
    let repaired = |life: &Life| match life.creation {
        Creation::Owner | Creation::CreateOrMerge | Creation::Merge => true,
        Creation::Orphan => life.is_refreshed(),
        Creation::None => false,
    };
    lives.see("the target was edited", Life::edited, repaired).await;

    lives
        .of(|_| true, async |life| space.delete_secret(&life.name).await)
        .await;
    lives.see("the target was deleted", Life::deleted, repaired).await;

    // Whoever makes the Secret under Merge makes it again; a forced sync does what no policy would do by itself.
    lives.of(Life::has_foreign_target, foreign).await;
    let shared = |life: &Life| life.creation == Creation::CreateOrMerge;
    lives
        .of(shared, async |life| {
            space.edit(&life.name, json!({ "foreign": "kept" })).await;
        })
        .await;
    lives.force("after the deletion").await;
    lives
        .look("a sync was forced", |life| life.both("one"), |_| true)
        .await;

    space.put("a", "two").await;
    space.put("b", "two").await;
    let followed = |life: &Life| life.both(if life.is_refreshed() { "two" } else { "one" });
    lives
        .see("the source changed", followed, Life::is_refreshed)
        .await;
    lives.force("after the rotation").await;
    lives
        .look(
            "the source changed and a sync was forced",
            |life| life.both("two"),
            |_| true,
        )
        .await;

    space.remove("b").await;
    lives.force("one source is gone").await;
    lives
        .look("one of two sources is gone", Life::partly_gone, |_| true)
        .await;

    space.remove("a").await;
    lives.force("all sources are gone").await;
    lives.look("all sources are gone", Life::gone, |_| true).await;

    space.put("a", "three").await;
    space.put("b", "three").await;
    lives
        .look(
            "the sources are back",
            |life| life.both("three"),
            Life::is_refreshed,
        )
        .await;
    lives.force("the sources are back").await;
    lives
        .look(
            "the sources are back and a sync was forced",
            |life| life.both("three"),
            |_| true,
        )
        .await;

    secrets_outlive_their_objects(&lives).await;
}

/// Labels, owner references and bindings after the first sync.
async fn marks_are_right(lives: &Lives) {
    for life in &lives.lives {
        let secret = lives.space.secret(&life.name).await;
        let labels = secret.metadata.labels.unwrap_or_default();
        let label = |name: &str| {
            labels
                .get(&format!("reconcile.external-secrets.io/{name}"))
                .map(String::as_str)
        };
        let name = &life.name;
        assert_eq!(
            label("managed"),
            (life.creation != Creation::None).then_some("true"),
            "{name}"
        );
        let created_by = keyferry::sync::fingerprint::created_by(&lives.space.namespace, name);
        assert_eq!(
            label("created-by"),
            (life.creation == Creation::Owner).then_some(&*created_by),
            "{name}"
        );
        let owners = secret.metadata.owner_references.unwrap_or_default();
        // Garbage collection follows this reference when the object is deleted, whatever the deletionPolicy.
        let object = lives.space.objects().get(name).await.unwrap();
        let owner = owners
            .iter()
            .map(|owner| (Some(owner.uid.clone()), owner.controller))
            .collect::<Vec<_>>();
        let wanted = (life.creation == Creation::Owner).then_some((object.metadata.uid, Some(true)));
        assert_eq!(owner, wanted.into_iter().collect::<Vec<_>>(), "{name}");
        let status = object.status.unwrap_or_default();
        let bound = status.binding.and_then(|binding| binding.name);
        assert_eq!(
            bound,
            (life.creation != Creation::None).then(|| name.clone()),
            "{name}"
        );
        assert!(status.refresh_time.is_some(), "{name}");
        if !on_eso_crds() {
            assert_eq!(status.observed_generation, Some(1), "{name}");
        }
    }
}

/// The operator deletes nothing when an object goes: that is left to garbage collection, which does not run here.
async fn secrets_outlive_their_objects(lives: &Lives) {
    let space = &lives.space;
    let versions = async || {
        let secrets = space.secrets().list(&ListParams::default()).await.unwrap();
        let version = |secret: k8s_openapi::api::core::v1::Secret| {
            (
                secret.metadata.name.unwrap(),
                secret.metadata.resource_version.unwrap(),
            )
        };
        secrets.items.into_iter().map(version).collect::<BTreeMap<_, _>>()
    };
    let before = versions().await;
    lives
        .of(
            |_| true,
            async |life| {
                space
                    .objects()
                    .delete(&life.name, &DeleteParams::default())
                    .await
                    .unwrap();
            },
        )
        .await;
    until("the objects to be gone", || async {
        let left = space
            .objects()
            .list(&ListParams::default())
            .await
            .map_err(|e| e.to_string())?;
        if left.items.is_empty() {
            Ok(())
        } else {
            Err(format!("{} are left", left.items.len()))
        }
    })
    .await;
    space
        .apply("later", json!({ "data": [entry(space, "v", "a")] }))
        .await;
    space.holds("later", &[("v", "three")]).await;
    let mut after = versions().await;
    after.remove("later");
    assert_eq!(after, before);
}
