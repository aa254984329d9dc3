//! What a scenario runs on: a control plane of its own, an AWS of ours, and the operator as a black box.

use std::time::Duration;

use keyferry_parts::control_plane::{Fairness, Options, User};
use keyferry_parts::fault::InForce;
use keyferry_parts::{ControlPlane, FakeAws, Fault, When};
use kube::Client;

use crate::measure::Process;
use crate::observer::Observer;
use crate::operator::Operator;
use crate::scenario::COLD_WITHIN;
use crate::workload::{Shape, Workload};
use crate::{Arguments, Error};

/// Without the rights of `system:masters`, whom priority and fairness lets pass.
pub(crate) const OPERATOR: &str = "operator";

pub(crate) struct Rig {
    pub(crate) arguments: Arguments,
    pub(crate) plane: ControlPlane,
    pub(crate) client: Client,
    pub(crate) aws: FakeAws,
    _latency: InForce,
    /// kube-apiserver.
    pub(crate) server: Process,
}

/// An operator that has synced all objects of a workload.
pub(crate) struct Running {
    pub(crate) workload: Workload,
    pub(crate) observer: Observer,
    pub(crate) operator: Operator,
    /// From its start to the last Ready.
    pub(crate) took: Duration,
}

impl Rig {
    pub(crate) async fn start(arguments: &Arguments) -> Result<Self, Error> {
        let fairness = if arguments.fairness {
            Fairness::On
        } else {
            Fairness::Off
        };
        Self::start_with(arguments, fairness).await
    }

    pub(crate) async fn start_with(arguments: &Arguments, fairness: Fairness) -> Result<Self, Error> {
        // The audit log would cost the server time; its own metrics count requests for nothing.
        let operator = User {
            name: OPERATOR.to_owned(),
            groups: Vec::new(),
        };
        let plane = ControlPlane::start(Options {
            fairness,
            audit: false,
            users: vec![operator],
            ..Options::default()
        })
        .await?;
        let client = plane.client().await?;
        let aws = FakeAws::start_tls()?;
        let latency = aws.inject(When::any(), Fault::Latency(arguments.aws_latency()));
        let [server, _] = plane.process_ids().map(Process::new);
        Workload::install_crds(&plane).await?;
        Ok(Self {
            arguments: arguments.clone(),
            plane,
            client,
            aws,
            _latency: latency,
            server,
        })
    }

    /// Starts the operator.
    pub(crate) fn operator(&self) -> Result<Operator, Error> {
        let kubeconfig = self.plane.folder().join("operator.kubeconfig");
        let token = self.plane.token(OPERATOR).ok_or("the operator has no token")?;
        self.plane.write_kubeconfig(&kubeconfig, token)?;
        Operator::start(&self.plane, &self.aws, &kubeconfig, &self.arguments.operator)
    }

    /// Creates the objects, and secrets for so many more, starts the operator and waits until all are Ready.
    pub(crate) async fn synced(&self, shape: Shape, more: usize) -> Result<Running, Error> {
        let workload = Workload::create(&self.client, shape).await?;
        workload.fill(&self.aws, 0, more);
        let observer = Observer::start(&self.client).await?;
        let mut operator = self.operator()?;
        let took = observer
            .wait_for(workload.shape.objects, COLD_WITHIN, || operator.check())
            .await?;
        Ok(Running {
            workload,
            observer,
            operator,
            took,
        })
    }
}
