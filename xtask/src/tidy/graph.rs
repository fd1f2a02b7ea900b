//! The workspace as `cargo metadata` resolves it: our crates, their direct dependencies, and the whole tree.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::machine;

/// How a crate depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Build,
    Dev,
}

/// One crate of ours.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    /// The folder below the root, as `core/model`.
    pub(super) folder: String,
    pub(super) description: String,
    pub(super) license: String,
    /// False when the manifest says `publish = false`.
    pub(super) publishable: bool,
    /// What the manifest names, by package name.
    pub(super) dependencies: Vec<(String, Kind)>,
    pub(super) id: String,
}

/// Our crates, and every resolved edge that ends up in a binary.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) members: Vec<Member>,
    /// Package id to the ids of its normal dependencies, on all platforms.
    tree: BTreeMap<String, Vec<String>>,
    names: BTreeMap<String, String>,
    /// Package id to its version.
    versions: BTreeMap<String, String>,
}

impl Graph {
    /// Asks cargo, with the lock file as it is.
    pub(super) fn load(root: &Path) -> Result<Self> {
        let output = machine::cargo(root)?
            .args(["metadata", "--locked", "--format-version", "1"])
            .output()
            .context("cargo metadata did not start")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo metadata failed, so no edge can be checked: {}", said.trim());
        let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")?;
        Self::parse(&metadata)
    }

    /// Reads the JSON of `cargo metadata`; anything missing is an error, never an empty graph.
    pub(super) fn parse(metadata: &Value) -> Result<Self> {
        let root = text(metadata, "workspace_root")?;
        let ours: BTreeSet<&str> = list(metadata, "workspace_members")?.iter().filter_map(Value::as_str).collect();
        ensure!(!ours.is_empty(), "cargo metadata names no workspace member");
        let mut graph = Self::default();
        for package in list(metadata, "packages")? {
            let id = text(package, "id")?;
            graph.names.insert(id.to_owned(), text(package, "name")?.to_owned());
            graph.versions.insert(id.to_owned(), text(package, "version")?.to_owned());
            if ours.contains(id) {
                graph.members.push(member(package, root)?);
            }
        }
        let resolve = metadata.get("resolve").context("cargo metadata has no resolved tree")?;
        for node in list(resolve, "nodes")? {
            graph.tree.insert(text(node, "id")?.to_owned(), normal_edges(node)?);
        }
        ensure!(graph.members.len() == ours.len(), "cargo metadata describes only some workspace members");
        let resolved = graph.members.iter().all(|member| graph.tree.contains_key(&member.id));
        ensure!(resolved, "cargo metadata resolved only some workspace members");
        Ok(graph)
    }

    /// The member with this package name.
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The member's direct dependencies among our own crates.
    pub(super) fn ours<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = (&'a Member, Kind)> {
        member.dependencies.iter().filter_map(|(name, kind)| Some((self.member(name)?, *kind)))
    }

    /// Every package of the metadata: id, name and version. Some may be reached by nothing that is built.
    pub(super) fn packages(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.names.iter().filter_map(|(id, name)| Some((id.as_str(), name.as_str(), self.versions.get(id)?.as_str())))
    }

    /// The shortest way from a member to a package that `banned` accepts by name, not entering packages named in
    /// `closed`.
    pub(super) fn reach(&self, from: &Member, closed: &[&str], banned: impl Fn(&str) -> bool) -> Option<Vec<String>> {
        self.way(from, closed, |_, name| banned(name))
    }

    /// The shortest way from a member to the package with this id.
    pub(super) fn reach_package(&self, from: &Member, wanted: &str) -> Option<Vec<String>> {
        self.way(from, &[], |id, _| id == wanted)
    }

    fn way(&self, from: &Member, closed: &[&str], end_at: impl Fn(&str, &str) -> bool) -> Option<Vec<String>> {
        let mut queue = VecDeque::from([vec![from.id.as_str()]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = queue.pop_front() {
            let Some(end) = way.last().and_then(|id| self.tree.get(*id)) else { continue };
            for next in end {
                let name = self.names.get(next).map_or(next.as_str(), String::as_str);
                let longer: Vec<&str> = way.iter().copied().chain([next.as_str()]).collect();
                if end_at(next, name) {
                    return Some(longer.iter().map(|id| self.names.get(*id).unwrap_or(next).clone()).collect());
                }
                if !closed.contains(&name) && seen.insert(next) {
                    queue.push_back(longer);
                }
            }
        }
        None
    }
}

fn member(package: &Value, root: &str) -> Result<Member> {
    let manifest = text(package, "manifest_path")?;
    let folder = manifest.strip_prefix(root).and_then(|path| path.strip_suffix("Cargo.toml"));
    let folder = folder.with_context(|| format!("{manifest} lies outside the workspace"))?;
    let dependencies = list(package, "dependencies")?.iter().map(|dependency| {
        let kind = match dependency.get("kind").and_then(Value::as_str) {
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            _ => Kind::Normal,
        };
        Ok((text(dependency, "name")?.to_owned(), kind))
    });
    Ok(Member {
        name: text(package, "name")?.to_owned(),
        folder: folder.replace('\\', "/").trim_matches('/').to_owned(),
        description: package.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        license: package.get("license").and_then(Value::as_str).unwrap_or_default().to_owned(),
        publishable: package.get("publish").and_then(Value::as_array).is_none_or(|allowed| !allowed.is_empty()),
        dependencies: dependencies.collect::<Result<_>>()?,
        id: text(package, "id")?.to_owned(),
    })
}

fn normal_edges(node: &Value) -> Result<Vec<String>> {
    let mut edges = Vec::new();
    for dependency in list(node, "deps")? {
        // A kind of null is a normal dependency.
        let normal = list(dependency, "dep_kinds")?.iter().any(|kind| kind.get("kind").is_some_and(Value::is_null));
        if normal {
            edges.push(text(dependency, "pkg")?.to_owned());
        }
    }
    Ok(edges)
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value.get(key).and_then(Value::as_str).with_context(|| format!("cargo metadata has no text '{key}'"))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value.get(key).and_then(Value::as_array).with_context(|| format!("cargo metadata has no list '{key}'"))
}
