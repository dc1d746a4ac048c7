//! Writes every report that the flags and the environment ask for.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::files::{WriteError, write_file};
use crate::flags::ReportFlags;
use crate::model::Report;
use crate::{annotations, badge, ctrf, json, junit, markdown, tap};

/// The environment variable that names the file for the summary of a GitHub job.
const GITHUB_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// The environment variable that is `true` in a GitHub workflow.
const GITHUB_ACTIONS: &str = "GITHUB_ACTIONS";

/// Writes a report to a file.
type Format = fn(BufWriter<File>, &Report) -> io::Result<()>;

impl ReportFlags {
    /// Returns the files that a run writes, in the order of their flags.
    #[must_use]
    pub fn files(&self) -> Vec<&PathBuf> {
        let Self { json, junit, tap, ctrf, html, badge, record, .. } = self;
        [json, junit, tap, ctrf, html, badge, record].into_iter().flatten().collect()
    }

    /// Writes all reports, and returns the errors of those that cannot be written. `write_page` writes the HTML page; in a GitHub
    /// workflow, `out` receives annotations.
    pub fn write_all(
        &self,
        report: &Report,
        write_page: impl FnOnce(BufWriter<File>) -> io::Result<()>,
        out: &mut impl Write,
    ) -> Vec<WriteError> {
        let of_flags: [(&Option<PathBuf>, Format); 5] = [
            (&self.json, json::write),
            (&self.junit, junit::write),
            (&self.tap, tap::write),
            (&self.ctrf, ctrf::write),
            (&self.badge, badge::write),
        ];
        let mut results = Vec::new();
        for (path, write) in of_flags {
            results
                .extend(path.iter().map(|path| write_file(File::create, path, |file| write(file, report))));
        }
        if let Some(path) = &self.html {
            results.push(write_file(File::create, path, write_page));
        }
        if let Some(path) = std::env::var_os(GITHUB_SUMMARY).filter(|path| !path.is_empty()) {
            let append = |path: &Path| File::options().append(true).create(true).open(path);
            results.push(write_file(append, Path::new(&path), |file| markdown::write(file, report)));
        }
        if std::env::var_os(GITHUB_ACTIONS).is_some_and(|value| value == "true") {
            // The reader of standard output may have gone.
            let _ = annotations::write(out, report);
        }
        results.into_iter().filter_map(Result::err).collect()
    }
}
