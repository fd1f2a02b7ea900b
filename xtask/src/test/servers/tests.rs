//! What is missing is named by the package that brings it.

use super::{absent, find, wanted};

#[test]
fn missing_programs_are_named_by_their_packages() {
    assert!(absent(|_| true).is_empty());
    assert_eq!(absent(|program| program != "initdb"), ["postgresql"]);
    assert_eq!(absent(|_| false), ["postgresql", "redis-server", "python3-venv", "openssl"]);
}

#[test]
fn a_program_is_found_in_the_first_folder_that_has_it() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let paths: Vec<_> = folders.iter().map(|folder| folder.path().to_owned()).collect();
    assert_eq!(find(&paths, "initdb"), None);
    let program = paths[1].join("initdb");
    std::fs::write(&program, "").unwrap();
    assert_eq!(find(&paths, "initdb"), Some(program));
}

#[test]
fn every_package_has_a_fixed_version() {
    assert!(wanted().lines().all(|line| line.contains("==")), "{}", wanted());
}
