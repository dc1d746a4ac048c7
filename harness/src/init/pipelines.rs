//! The jobs that run the gate on GitHub and GitLab. The gate reads the target from `gauntlet.toml`.

use std::fs;
use std::path::Path;

use crate::config::DEFAULT_PATH;
use crate::init::detection::{Found, Start};

/// A service that runs jobs for pull requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    GitHub,
    GitLab,
}

/// A file that runs the gate for each pull request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
    /// The path, relative to the directory.
    pub(super) path: &'static str,
    pub(super) text: String,
    /// What is left to do.
    pub(super) next: &'static str,
}

/// The file that GitLab reads.
const GITLAB: &str = ".gitlab-ci.yml";

impl Service {
    /// Returns the services of the project whose root is this directory, by its files and the addresses of its remotes.
    pub(super) fn of(directory: &Path) -> Vec<Self> {
        let remotes = fs::read_to_string(directory.join(".git/config")).unwrap_or_default();
        let is_github = directory.join(".github").is_dir() || remotes.contains("github");
        let is_gitlab = directory.join(GITLAB).is_file() || remotes.contains("gitlab");
        let services = [(Self::GitHub, is_github), (Self::GitLab, is_gitlab)];
        services.into_iter().filter_map(|(service, is_used)| is_used.then_some(service)).collect()
    }

    /// Returns the file for this service.
    pub(super) fn pipeline(self, directory: &Path, found: &Found) -> Pipeline {
        match self {
            Self::GitHub => Pipeline {
                path: ".github/workflows/gauntlet.yml",
                text: github(found),
                next: "replace OWNER in it by the owner of the copy of Gauntlet",
            },
            Self::GitLab if directory.join(GITLAB).exists() => Pipeline {
                path: ".gitlab/gauntlet.yml",
                text: gitlab(found),
                next: "replace OWNER and the address in it, and add to .gitlab-ci.yml: \
                       include: [{ local: .gitlab/gauntlet.yml }]",
            },
            Self::GitLab => Pipeline {
                path: GITLAB,
                text: gitlab(found),
                next: "replace OWNER and the address in it by those of the copy of Gauntlet",
            },
        }
    }
}

/// The tag of the kit that the files name.
const TAG: &str = concat!("v", env!("CARGO_PKG_VERSION"));

fn image(found: &Found) -> Option<&str> {
    match &found.start {
        Some(Start::Image { name }) => Some(name),
        _ => None,
    }
}

fn github(found: &Found) -> String {
    let build = image(found).map_or_else(
        || "      # Steps that install and build the server.\n".to_owned(),
        |name| format!("      - run: docker build --tag {name} .\n"),
    );
    format!(
        "# Judges the server with the settings in {DEFAULT_PATH}.\n\
         name: Gauntlet\n\
         on:\n  pull_request:\n  push:\n    branches: [main, master]\n\
         permissions:\n  contents: read\n\
         jobs:\n  protocol:\n    runs-on: ubuntu-latest\n    timeout-minutes: 15\n    steps:\n      \
         - uses: actions/checkout@v4\n{build}      \
         - uses: OWNER/gauntlet/ci/gate@{TAG}\n"
    )
}

fn gitlab(found: &Found) -> String {
    let prepare = match image(found) {
        Some(name) => format!(
            "  # The job needs a Docker daemon: see the first lines of ci/gate/gitlab.yml.\n  \
             before_script:\n    - docker build --tag {name} .\n"
        ),
        None => "  # The job runs in rust:1.95; with an archive, any image with git, curl and the server's language \
                 works:\n  # image: node:22\n"
            .to_owned(),
    };
    format!(
        "# Judges the server with the settings in {DEFAULT_PATH}.\n\
         include:\n  - project: OWNER/gauntlet\n    ref: {TAG}\n    file: ci/gate/gitlab.yml\n\
         protocol:\n  extends: .gauntlet\n{prepare}  \
         rules:\n    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n    \
         - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n  \
         variables:\n    GAUNTLET_GIT: https://gitlab.example/OWNER/gauntlet.git\n    GAUNTLET_REF: {TAG}\n"
    )
}
