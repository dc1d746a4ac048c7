//! `harness init`: recognizes how the server of a directory is started, and sets up its gate.

pub(crate) mod detection;
mod pipelines;
pub(crate) mod template;

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::config::DEFAULT_PATH;
use crate::error::Error;
use crate::flags::InitFlags;
use crate::init::detection::detect;
use crate::init::pipelines::Service;
use crate::init::template::{TEMPLATE, with_target};

/// Writes `gauntlet.toml` and the jobs of GitHub and GitLab, as far as the project uses them or the flags ask for them, and prints
/// what was assumed. Existing files are kept.
///
/// # Errors
/// All files exist, or one cannot be written.
pub(crate) fn init(directory: &Path, flags: InitFlags, out: &mut impl Write) -> Result<(), Error> {
    let found = detect(directory);
    let asked = [(flags.github, Service::GitHub), (flags.gitlab, Service::GitLab)];
    let mut services: Vec<Service> =
        asked.into_iter().filter_map(|(is_asked, service)| is_asked.then_some(service)).collect();
    if services.is_empty() {
        services = Service::of(directory);
    }
    let text = found.start.as_ref().map_or_else(|| TEMPLATE.to_owned(), with_target);
    let mut files = vec![(DEFAULT_PATH, text, "`harness` reads it in this directory")];
    for service in &services {
        let pipeline = service.pipeline(directory, &found);
        files.push((pipeline.path, pipeline.text, pipeline.next));
    }
    let mut lines = Vec::new();
    for (path, text, next) in &files {
        if directory.join(path).exists() {
            lines.push(format!("kept {path}, which exists"));
        } else {
            write_new(directory, path, text)?;
            lines.push(format!("wrote {path}; {next}"));
        }
    }
    if lines.iter().all(|line| line.starts_with("kept")) {
        return Err(Error::NothingToWrite(
            files.iter().map(|(path, ..)| *path).collect::<Vec<_>>().join(", "),
        ));
    }
    if services.is_empty() {
        lines.push("no job for pull requests: this directory has no remote on GitHub or GitLab; --github or --gitlab writes one".to_owned());
    }
    if found.assumptions.is_empty() {
        lines.push("found no server to start; name one in the file (addr, exec or image)".to_owned());
    } else {
        lines.push("assumed, and to be changed in the file if it is wrong:".to_owned());
        lines.extend(found.assumptions.iter().map(|assumption| format!("  - {assumption}")));
    }
    // The reader of standard output may have gone.
    let _ = writeln!(out, "{}", lines.join("\n"));
    Ok(())
}

fn write_new(directory: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path = directory.join(name);
    let parent = path.parent().unwrap_or(directory);
    let written = fs::create_dir_all(parent)
        .and_then(|()| fs::File::create_new(&path))
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| report::WriteError { path: name.into(), source }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initialized(files: &[(&str, &str)]) -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let printed = run(directory.path(), InitFlags::default()).unwrap();
        (directory, printed)
    }

    fn run(directory: &Path, flags: InitFlags) -> Result<String, Error> {
        let mut out = Vec::new();
        init(directory, flags, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    const GITHUB: &str = ".github/workflows/gauntlet.yml";
    const DOCKERFILE: (&str, &str) = ("Dockerfile", "EXPOSE 8080\n");

    fn remote(url: &str) -> String {
        format!("[remote \"origin\"]\nurl = {url}\n")
    }

    #[test]
    fn a_project_on_github_gets_a_workflow() {
        let (directory, printed) = initialized(&[(".git/config", &remote("git@github.com:a/b")), DOCKERFILE]);
        let workflow = fs::read_to_string(directory.path().join(GITHUB)).unwrap();
        assert!(workflow.contains("docker build --tag") && workflow.contains("ci/gate@v"), "{workflow}");
        assert!(printed.contains("OWNER") && printed.contains("Dockerfile"), "{printed}");
        let again = run(directory.path(), InitFlags::default()).unwrap_err().to_string();
        assert!(again.starts_with("gauntlet.toml, .github/workflows/gauntlet.yml exist"), "{again}");
    }

    #[test]
    fn a_project_on_gitlab_gets_a_job_in_a_file_that_does_not_exist() {
        let (directory, printed) = initialized(&[(".git/config", &remote("https://gitlab.com/a/b.git"))]);
        let job = fs::read_to_string(directory.path().join(".gitlab-ci.yml")).unwrap();
        assert!(
            job.contains("extends: .gauntlet") && printed.contains("wrote .gitlab-ci.yml"),
            "{job}{printed}"
        );
        let (directory, printed) = initialized(&[(".gitlab-ci.yml", "test: {}\n"), DOCKERFILE]);
        let job = fs::read_to_string(directory.path().join(".gitlab/gauntlet.yml")).unwrap();
        assert!(
            job.contains("docker build --tag") && printed.contains("add to .gitlab-ci.yml"),
            "{job}{printed}"
        );
    }

    /// A file that exists does not prevent that the others are written.
    #[test]
    fn a_job_is_written_later_on_request() {
        let (directory, printed) = initialized(&[]);
        assert!(printed.contains("no job for pull requests"), "{printed}");
        let flags = InitFlags { github: true, ..InitFlags::default() };
        let printed = run(directory.path(), flags).unwrap();
        assert!(printed.contains("kept gauntlet.toml") && printed.contains("wrote .github/"), "{printed}");
        assert!(directory.path().join(GITHUB).exists());
    }

    #[test]
    fn an_empty_directory_gets_comments() {
        let (directory, printed) = initialized(&[]);
        assert_eq!(fs::read_to_string(directory.path().join(DEFAULT_PATH)).unwrap(), TEMPLATE);
        assert!(printed.contains("found no server"), "{printed}");
        assert!(!directory.path().join(GITHUB).exists());
    }
}
