//! `kimage fetch`: everything that the cluster needs, verified and pinned; builds work offline afterwards.

use std::collections::BTreeMap;

use super::gather::{self, Want};
use super::site::{Site, print};
use crate::artifact::{Check, Store};
use crate::base::{Base, BaseError};
use crate::cli::Fetch;
use crate::failure::Outcome;

pub(super) fn run(site: &Site, arguments: &Fetch) -> Outcome {
    let (cluster, plan) = site.plan()?;
    let mut bases = BTreeMap::new();
    for node in &plan.nodes {
        match Base::open(&site.cache, &node.image) {
            Ok(base) => drop(bases.insert(node.image.clone(), base.digest)),
            Err(BaseError::NotPrepared { .. }) => {
                site.report.warning(&format!(
                    "the base `{}` is not prepared yet, so nothing pins it",
                    node.image
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let store = Store::new(&site.cache);
    let want = Want {
        artifacts: &gather::artifacts(&cluster, &plan)?,
        bases: &bases,
        check: Check::Full,
    };
    let fetched = gather::fetch(site, &cluster, &arguments.sources, &store, &want)?;
    let mut size = 0;
    for one in &fetched {
        // Decompressed now rather than at the first build.
        one.open(&store)?;
        size += one.pin.size;
    }
    print(&format!(
        "{}: {} artifacts, {}\n",
        site.lock.display(),
        fetched.len(),
        indicatif::BinaryBytes(size)
    ))?;
    Ok(())
}
