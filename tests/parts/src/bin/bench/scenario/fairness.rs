//! A server with priority and fairness and few seats, which answers 429 to the rest.

use keyferry_parts::control_plane::Fairness;

use super::counts;
use crate::measure::{Requests, writes};
use crate::rig::{Rig, Running};
use crate::row::Row;
use crate::workload::Shape;
use crate::{Arguments, Error};

const NAME: &str = "fairness";
const OBJECTS: usize = 1_000;
const SEATS: u32 = 4;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let rig = Rig::start_with(arguments, Fairness::Seats(SEATS)).await?;
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
            format!("{OBJECTS} objects on a server with {SEATS} seats: {name}"),
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
