//! The packages of a checkout, as cargo lists them.

use serde::Deserialize;

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::process;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// Returns the packages of the workspace that have a library.
///
/// # Errors
/// `cargo metadata` fails.
pub(crate) fn with_library(cargo: &Cargo) -> Result<Vec<String>, Failure> {
    let has_library =
        |package: &Package| package.targets.iter().flat_map(|target| &target.kind).any(|kind| kind == "lib");
    Ok(read(cargo)?.into_iter().filter(has_library).map(|package| package.name).collect())
}

/// Returns those of the names that are packages of the workspace. An older checkout has fewer.
///
/// # Errors
/// `cargo metadata` fails.
pub(crate) fn existing<'n>(cargo: &Cargo, names: &[&'n str]) -> Result<Vec<&'n str>, Failure> {
    let packages = read(cargo)?;
    let exists = |name: &&str| packages.iter().any(|package| package.name == *name);
    Ok(names.iter().copied().filter(exists).collect())
}

fn read(cargo: &Cargo) -> Result<Vec<Package>, Failure> {
    let arguments = ["metadata", "--locked", "--no-deps", "--format-version", "1"];
    let json = process::output(&mut cargo.command(&arguments))?;
    let metadata: Metadata = serde_json::from_str(&json)
        .map_err(|source| Failure::Json { what: "`cargo metadata`".to_owned(), source })?;
    Ok(metadata.packages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::Profile;
    use crate::workspace::Workspace;

    #[test]
    fn packages_are_found_by_name_and_by_library() {
        let cargo = Cargo::new(&Workspace::find(), Profile::Ci).unwrap();
        assert_eq!(existing(&cargo, &["server", "no-such-package"]).unwrap(), ["server"]);
        let with_library = with_library(&cargo).unwrap();
        assert!(with_library.contains(&"driver".to_owned()) && !with_library.contains(&"ci".to_owned()));
    }
}
