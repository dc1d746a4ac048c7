//! The packages that are compiled into the programs that ship: the texts of their licences, and a bill of materials.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::binaries::{FEATURES, SHIPPED_PACKAGES};
use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::process;

/// What the names of files with licences begin with.
const LICENCE_FILES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// The packages in the programs, and which of them need each other.
#[derive(Debug)]
pub(crate) struct Components {
    /// In the order of names and versions.
    packages: Vec<Package>,
    /// The ids of the packages that each package needs.
    needs: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Clone, Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    manifest_path: PathBuf,
    /// Missing for the packages of the workspace.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `None` for what is compiled into the program.
    kind: Option<String>,
}

impl Components {
    /// Asks cargo which packages the programs contain on this platform.
    ///
    /// # Errors
    /// `cargo metadata` fails.
    pub(crate) fn read(cargo: &Cargo) -> Result<Self, Failure> {
        let arguments = ["metadata", "--locked", "--format-version", "1", "--features", FEATURES];
        let json = process::output(cargo.command(&arguments).args(["--filter-platform", cargo.host()]))?;
        let metadata: Metadata = serde_json::from_str(&json)
            .map_err(|source| Failure::Json { what: "`cargo metadata`".to_owned(), source })?;
        Ok(Self::new(metadata))
    }

    fn new(Metadata { packages, resolve }: Metadata) -> Self {
        let is_compiled_in =
            |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        let of_node = |node: Node| {
            let needs =
                node.deps.iter().filter(is_compiled_in).map(|dependency| dependency.pkg.clone()).collect();
            (node.id, needs)
        };
        let needs: BTreeMap<String, BTreeSet<String>> = resolve.nodes.into_iter().map(of_node).collect();
        let is_program = |package: &&Package| {
            package.source.is_none() && SHIPPED_PACKAGES.contains(&package.name.as_str())
        };
        let mut todo: Vec<String> =
            packages.iter().filter(is_program).map(|package| package.id.clone()).collect();
        let mut contained = BTreeSet::new();
        while let Some(id) = todo.pop() {
            todo.extend(needs.get(&id).into_iter().flatten().filter(|id| !contained.contains(*id)).cloned());
            contained.insert(id);
        }
        let mut packages: Vec<Package> =
            packages.into_iter().filter(|package| contained.contains(&package.id)).collect();
        packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        Self { packages, needs }
    }

    /// Returns the texts of the licences of all packages that are not part of the workspace. Packages with equal texts share one.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn licences(&self) -> Result<String, Failure> {
        let mut packages_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for package in self.packages.iter().filter(|package| package.source.is_some()) {
            let licence = package.license.as_deref().unwrap_or("see the package");
            let shown = format!("{} {} ({licence})", package.name, package.version);
            for text in licence_texts(&package.manifest_path)? {
                packages_of.entry(text).or_default().push(shown.clone());
            }
        }
        let mut all = "The programs contain these packages, under the licences below.\n".to_owned();
        for (text, packages) in packages_of {
            // Writing to a string does not fail.
            let _ = write!(all, "\n{}\n{}\n\n{}\n", "=".repeat(80), packages.join("\n"), text.trim_end());
        }
        Ok(all)
    }

    /// Returns the bill of materials of this version, in the format `CycloneDX` 1.5. It contains no time, so that it is the same
    /// in each build.
    pub(crate) fn bill_of_materials(&self, version: &str) -> Value {
        let reference = |package: &Package| format!("pkg:cargo/{}@{}", package.name, package.version);
        let references: BTreeMap<&str, String> =
            self.packages.iter().map(|package| (package.id.as_str(), reference(package))).collect();
        let component = |package: &Package| {
            let mut component = json!({
                "type": "library",
                "bom-ref": reference(package),
                "name": package.name,
                "version": package.version,
                "purl": reference(package),
            });
            if let Some(licence) = &package.license {
                // The form that packages had before SPDX expressions.
                let expression = licence.replace('/', " OR ");
                component["licenses"] = json!([{ "expression": expression }]);
            }
            component
        };
        let dependency = |package: &Package| {
            let needs = self.needs.get(&package.id).into_iter().flatten();
            let needs: BTreeSet<&String> = needs.filter_map(|id| references.get(id.as_str())).collect();
            json!({ "ref": reference(package), "dependsOn": needs })
        };
        json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": {
                "component": { "type": "application", "bom-ref": "gauntlet", "name": "gauntlet", "version": version },
            },
            "components": self.packages.iter().map(component).collect::<Vec<Value>>(),
            "dependencies": self.packages.iter().map(dependency).collect::<Vec<Value>>(),
        })
    }
}

/// Returns the texts of a package's licences.
fn licence_texts(manifest: &Path) -> Result<Vec<String>, Failure> {
    let directory = manifest.parent().unwrap_or(manifest);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(Failure::at(directory))? {
        let entry = entry.map_err(Failure::at(directory))?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if LICENCE_FILES.iter().any(|prefix| name.starts_with(prefix)) && entry.path().is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).map_err(Failure::at(path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::Profile;
    use crate::workspace::Workspace;

    fn components() -> Components {
        Components::read(&Cargo::new(&Workspace::find(), Profile::Ci).unwrap()).unwrap()
    }

    #[test]
    fn the_bill_of_materials_contains_what_is_compiled_in_and_nothing_else() {
        let bill = components().bill_of_materials("1.2.3");
        let names: Vec<&str> =
            bill["components"].as_array().unwrap().iter().filter_map(|part| part["name"].as_str()).collect();
        for name in ["harness", "smol", "tokio", "testcontainers"] {
            assert!(names.contains(&name), "{name}");
        }
        for name in ["insta", "mutants", "ci", "proptest"] {
            assert!(!names.contains(&name), "{name} is not part of a program");
        }
        let dependencies = bill["dependencies"].as_array().unwrap();
        let of_server = dependencies
            .iter()
            .find(|row| row["ref"].as_str().unwrap().starts_with("pkg:cargo/server@"))
            .unwrap();
        let needs: Vec<&str> =
            of_server["dependsOn"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(needs.iter().any(|need| need.starts_with("pkg:cargo/smol@")), "{needs:?}");
        assert!(!needs.iter().any(|need| need.starts_with("pkg:cargo/tokio@")), "{needs:?}");
    }

    #[test]
    fn licences_of_dependencies_are_collected_once() {
        let text = components().licences().unwrap();
        assert!(text.contains("\nsmol 2.") && text.contains("Permission is hereby granted"));
        assert!(!text.contains("\nharness "), "the licences of the workspace are files of their own");
        let apache = text.matches("Version 2.0, January 2004").count();
        assert!(apache < 40, "equal texts are repeated: {apache}");
    }
}
