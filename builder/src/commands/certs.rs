//! `kimage certs`: what is issued, until when, and where it lies.

use super::gather;
use super::select::select;
use super::site::{Site, print, print_json};
use crate::cli::Certs;
use crate::facts;
use crate::failure::{Exit, Failure, Outcome};
use crate::output;
use crate::trust::kubeconfig::{Access, embedded};
use crate::trust::{self, Domain, Secrets};

/// What can be wrong here only.
#[derive(Debug, thiserror::Error)]
enum CertsFault {
    #[error("no administrator was issued")]
    NoAdmin,
    #[error("nodes of this cluster join by certificates, not by tokens")]
    NoTokens,
}

impl Failure for CertsFault {
    fn exit(&self) -> Exit {
        match self {
            Self::NoAdmin => Exit::Other,
            Self::NoTokens => Exit::UserFiles,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoAdmin => None,
            Self::NoTokens => Some("leave `--tokens` out".into()),
        }
    }
}

pub(super) fn run(site: &Site, command: Certs) -> Outcome {
    match command {
        Certs::List(arguments) => {
            let rows = Secrets::at(&site.secrets).inventory(site.now());
            if arguments.json {
                return Ok(print_json(&rows)?);
            }
            for row in &rows {
                let until = row
                    .not_after
                    .map(|until| until.date().to_string())
                    .unwrap_or_default();
                let left = row
                    .days_left
                    .map(|days| format!("{days} days"))
                    .unwrap_or_default();
                let path = row.path.display();
                print(&format!(
                    "{path:<48} {until:<12} {left:>10}  {:<14} {}\n",
                    row.status, row.subject
                ))?;
            }
            Ok(())
        }
        Certs::Where(arguments) => {
            let cluster = site.cluster()?;
            let minor = facts::minor(cluster.kubernetes.version)?;
            let requests = trust::requests(&cluster, &minor.admin_organization);
            let placements = trust::placements(&cluster, &requests);
            if arguments.json {
                return Ok(print_json(&placements)?);
            }
            for placement in &placements {
                print(&format!(
                    "{:<20} {}\n",
                    placement.node,
                    placement.file.display()
                ))?;
            }
            Ok(())
        }
        Certs::Kubeconfig { out } => {
            let cluster = site.cluster()?;
            let credentials = gather::credentials(site, &cluster, &[])?;
            let admin = credentials.admin().ok_or(CertsFault::NoAdmin)?;
            let server = format!(
                "https://{}:{}",
                cluster.control_plane.endpoint,
                cluster.control_plane.endpoint_port()
            );
            let access = Access {
                cluster: &cluster.name,
                server: &server,
                user: "kubernetes-admin",
                authority: credentials.authority(Domain::Kubernetes),
            };
            output::bytes(&out, 0o600, embedded(&access, admin).expose())?;
            site.report.step(&format!(
                "wrote {}; try `kubectl --kubeconfig {} get nodes`",
                out.display(),
                out.display()
            ));
            Ok(())
        }
        Certs::Renew { selection, tokens } => {
            let (cluster, plan) = site.plan()?;
            if tokens && cluster.join.bootstrap().is_none() {
                return Err(CertsFault::NoTokens.into());
            }
            gather::renew(site, &cluster, &select(&plan, &selection)?, tokens)
        }
    }
}
