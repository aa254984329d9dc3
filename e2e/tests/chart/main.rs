//! What ships for installing, without a cluster: the chart as helm renders it, what each mode may do, what the schema refuses,
//! what the notes say, alerts and dashboard, and the policies for AWS.

mod eso;
mod goldens;
mod iam;
mod modes;
mod operations;
mod render;
mod rules;
mod upgrade;
mod values;
