//! A server with priority and fairness and few seats: one that queues the rest, and one that answers it 429.

use k8s_openapi::api::flowcontrol::v1::{FlowSchema, PriorityLevelConfiguration};
use keyferry_parts::control_plane::Fairness;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use super::counts;
use crate::measure::{Requests, writes};
use crate::rig::{OPERATOR, Rig, Running};
use crate::row::Row;
use crate::workload::Shape;
use crate::{Arguments, Error};

const NAME: &str = "fairness";
const OBJECTS: usize = 1_000;
const SEATS: u32 = 4;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let mut rows = synced(arguments, "that queues", true).await?;
    rows.extend(synced(arguments, "that refuses", false).await?);
    Ok(rows)
}

async fn synced(arguments: &Arguments, how: &str, has_queue: bool) -> Result<Vec<Row>, Error> {
    let rig = Rig::start_with(arguments, Fairness::Seats(SEATS)).await?;
    if !has_queue {
        refuse(&rig.client).await?;
    }
    let requests = Requests::read(&rig.client).await?;
    let Running {
        workload,
        operator,
        took,
        ..
    } = rig.synced(Shape::new("bench", OBJECTS), 0).await?;
    let now = Requests::read(&rig.client).await?;
    let asked = now.since(&requests);
    let refused = now.refused_since(&requests);
    workload.verify(&rig.client, OBJECTS, 0).await?;
    operator.stop().await?;
    let row = |name: &str, figure, unit| {
        Row::new(
            NAME,
            format!("{OBJECTS} objects on a server with {SEATS} seats {how}: {name}"),
            figure,
            unit,
        )
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let (refused, written) = (refused as f64, writes(&asked) as f64);
    Ok(vec![
        row("start to last Ready, every value right", took.as_secs_f64(), "s"),
        row("requests answered 429", refused, ""),
        row("writes, refused ones included", written, "").note(counts(&asked)),
    ])
}

/// Gives the operator seats of its own and no queue: what finds no seat is answered 429.
async fn refuse(client: &Client) -> Result<(), Error> {
    let level = json!({
        "metadata": { "name": OPERATOR },
        "spec": { "type": "Limited", "limited": {
            "nominalConcurrencyShares": 100, "lendablePercent": 0, "borrowingLimitPercent": 0,
            "limitResponse": { "type": "Reject" },
        } },
    });
    let everything = json!({
        "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"],
    });
    let schema = json!({
        "metadata": { "name": OPERATOR },
        "spec": {
            "matchingPrecedence": 100, "priorityLevelConfiguration": { "name": OPERATOR },
            "rules": [{
                "subjects": [{ "kind": "User", "user": { "name": OPERATOR } }], "resourceRules": [everything],
            }],
        },
    });
    let params = PostParams::default();
    let levels: Api<PriorityLevelConfiguration> = Api::all(client.clone());
    levels.create(&params, &serde_json::from_value(level)?).await?;
    let schemas: Api<FlowSchema> = Api::all(client.clone());
    schemas.create(&params, &serde_json::from_value(schema)?).await?;
    Ok(())
}
