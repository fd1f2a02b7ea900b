//! One sound manifest, and each way to spoil it.

use super::super::graph::Member;
use super::super::tests::graph;
use super::check;

const SOUND: &str = "[package]\nname = \"aitrading-risk\"\n\n[lints]\nworkspace = true\n";

fn check_broken(spoil: impl FnOnce(&mut Member), text: &str, says: &str) {
    let mut member = graph(&["server/risk"]).members.remove(0);
    spoil(&mut member);
    let found: Vec<String> = check(&member, text).iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|line| line.contains(says)), "{found:?}");
}

#[test]
fn accepts_sound_manifests() {
    for folder in ["server/risk", "aitrading", "xtask", "tests/sim"] {
        let member = graph(&[folder]).members.remove(0);
        assert_eq!(check(&member, SOUND), [], "{folder}");
    }
}

#[test]
fn refuses_a_name_that_is_not_the_folders() {
    check_broken(|member| member.name = "aitrading-risks".to_owned(), SOUND, "Cargo.toml:2: manifest: the package is");
    check_broken(|member| member.folder = "core/utils".to_owned(), SOUND, "'utils' is a drawer");
}

#[test]
fn refuses_a_manifest_without_description_or_licence() {
    check_broken(|member| member.description = " ".to_owned(), SOUND, "a sentence");
    check_broken(|member| member.license.clear(), SOUND, "license.workspace");
    check_broken(|member| member.license = "MIT".to_owned(), SOUND, "license.workspace");
    check_broken(|member| member.publishable = true, SOUND, "publish.workspace");
}

#[test]
fn refuses_lints_that_are_not_the_workspaces() {
    check_broken(|_| {}, "[package]\n", "not inherited");
    check_broken(|_| {}, "[lints]\nworkspace = false\n", "not inherited");
    check_broken(|_| {}, "[lints.clippy]\npanic = \"warn\"\n", "not inherited");
    check_broken(|_| {}, "[lints", "could not be read");
}
