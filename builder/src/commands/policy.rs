//! A base's SELinux policy, read for a cluster.

use crate::base::Base;
use crate::compose::{self, LocalContexts, Policy};
use crate::failure::Outcome;
use crate::plan::NodePlan;
use crate::selinux::{FileContexts, PolicyFiles, SelinuxError, has_type};
use crate::spec::Cluster;

/// Where `semodule` keeps what it makes a policy's files of: today's place, and that of CentOS 7.
const STORES: [&str; 2] = ["/var/lib/selinux", "/etc/selinux"];

/// Reads the policy that a node's image has; `None` where nothing is to be labelled.
pub(super) fn policy(cluster: &Cluster, node: &NodePlan, base: &Base) -> Outcome<Option<Policy>> {
    let Some(plan) = node.selinux.as_ref().filter(|plan| plan.labels()) else {
        return Ok(None);
    };
    let directory = format!("/etc/selinux/{}", plan.policy);
    let path = format!("{directory}/contexts/files/file_contexts");
    let text = |suffix: &str| -> Outcome<Option<String>> {
        let bytes = base.read_file(&format!("{path}{suffix}"))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let wanted = &cluster.host.selinux;
    let Some(contexts) = text("")? else {
        if wanted.mode.is_none() && wanted.file_contexts.is_empty() {
            return Ok(None);
        }
        let image = base.image.clone();
        return Err(SelinuxError::NoPolicy { image, path }.into());
    };
    let mut local = text(".local")?.unwrap_or_default();
    if !local.is_empty() && !local.ends_with('\n') {
        local.push('\n');
    }
    local.push_str(&compose::added_contexts(cluster));
    let contexts = FileContexts::parse(&PolicyFiles {
        contexts,
        homedirs: text(".homedirs")?.unwrap_or_default(),
        local: local.clone(),
        substitutions: text(".subs")?.unwrap_or_default(),
        distribution_substitutions: text(".subs_dist")?.unwrap_or_default(),
    })?;
    for context in &wanted.file_contexts {
        if let Some(alias) = contexts.alias(&context.path) {
            let pattern = context.path.clone();
            return Err(SelinuxError::Aliased { pattern, alias }.into());
        }
    }
    types(cluster, base, &format!("{directory}/policy/policy."))?;
    let compiled = base.layer.get(&format!("{path}.local.bin"));
    let stores = STORES.map(|store| format!("{store}/{}/active", plan.policy));
    let stores = stores
        .into_iter()
        .filter(|store| base.layer.get(store).is_some());
    Ok(Some(Policy {
        contexts,
        local: LocalContexts {
            text: local,
            mtime: compiled.map_or(0, |compiled| compiled.meta.mtime + 1),
        },
        stores: stores.collect(),
    }))
}

/// Looks for the cluster file's types in the compiled policy, if there is one.
fn types(cluster: &Cluster, base: &Base, prefix: &str) -> Outcome {
    let contexts = &cluster.host.selinux.file_contexts;
    let paths = base.layer.entries().map(|(path, _)| path.as_str());
    let compiled = match contexts.is_empty() {
        true => None,
        false => paths.filter(|path| path.starts_with(prefix)).last(),
    };
    let Some(policy) = compiled
        .map(|path| base.read_file(path))
        .transpose()?
        .flatten()
    else {
        return Ok(());
    };
    for context in contexts {
        let name = &context.r#type;
        if !has_type(&policy, name) {
            let (image, name) = (base.image.clone(), name.clone());
            return Err(SelinuxError::UnknownType { image, name }.into());
        }
    }
    Ok(())
}
