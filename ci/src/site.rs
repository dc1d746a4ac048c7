//! `cargo ci site`: the documentation as a site with search, made by mdBook. Links that lead nowhere fail.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::files::{copy, read, write};
use crate::process;
use crate::site_links;
use crate::workspace::Workspace;

/// The sections of the table of contents, with the directory of their pages. The order of pages is that of the links in
/// the index of the directory, and then that of names.
const SECTIONS: [(&str, &str); 6] = [
    ("Guide", "docs/guide"),
    ("Reference", "docs"),
    ("Operations", "docs/operations"),
    ("Example servers", "fixtures/servers"),
    ("Package graphs", "fixtures/data"),
    ("Decisions", "docs/decisions"),
];

/// The page that mdBook makes the front page.
const FRONT: &str = "README.md";

/// The name that mdBook gives the index of a directory.
const INDEX: &str = "index.md";

/// Open work concerns only those who work on the project.
const LEFT_OUT: &str = "docs/NEXT.md";

/// Builds the site in a directory, which is replaced, and checks all of its links.
///
/// # Errors
/// mdBook cannot be installed or fails, or a link leads nowhere.
pub(crate) fn run(workspace: &Workspace, directory: &Path) -> Result<(), Failure> {
    if process::find_program("mdbook").is_none() {
        process::run(Command::new("cargo").args(["install", "mdbook", "--locked"]))?;
    }
    let temporary = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let source = temporary.path().join("src");
    let pages = pages(workspace)?;
    for page in &pages {
        stage(workspace, page, &source)?;
    }
    write(&source.join("SUMMARY.md"), &summary(workspace, &pages)?)?;
    for file in CONFIGURATION {
        copy(&workspace.path(&format!("ci/site/{file}")), &temporary.path().join(file))?;
    }
    let mut build = Command::new("mdbook");
    build.arg("build").arg("--dest-dir").arg(std::path::absolute(directory).map_err(Failure::at(directory))?);
    process::output(build.arg(temporary.path()))?;
    let links = site_links::check(directory)?;
    println!("{}: {} pages, {links} links", directory.join("index.html").display(), pages.len());
    Ok(())
}

/// The configuration of mdBook, and what its pages lack for keyboards and screen readers.
const CONFIGURATION: [&str; 3] = ["book.toml", "accessible.css", "accessible.js"];

/// Returns the pages of the repository, relative to its root.
fn pages(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard", "*.md"]);
    let listed = process::output(list.current_dir(&workspace.root))?;
    Ok(listed.lines().filter(|page| *page != LEFT_OUT).map(str::to_owned).collect())
}

/// Copies a page and the other files that it links to. Indexes of directories get the name that mdBook gives them.
fn stage(workspace: &Workspace, page: &str, source: &Path) -> Result<(), Failure> {
    let path = workspace.path(page);
    let text = read(&path)?;
    let directory = path.parent().unwrap_or(Path::new(""));
    for link in local_links(&text) {
        let linked = directory.join(link);
        let is_page = linked.extension().is_some_and(|extension| extension == "md");
        if linked.is_file() && !is_page {
            let inside = relative(workspace, &linked)?;
            copy(&linked, &source.join(inside))?;
        }
    }
    write(
        &source.join(renamed(page)),
        &text.replace("README.md)", "index.md)").replace("README.md#", "index.md#"),
    )
}

/// Returns the path of a page in the source of the book.
fn renamed(page: &str) -> String {
    page.strip_suffix(FRONT).map_or_else(|| page.to_owned(), |directory| format!("{directory}{INDEX}"))
}

/// Returns the targets of the links and images of a page, without fragments and addresses.
pub(crate) fn local_links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let html = text.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let local =
        targets.chain(html).filter(|target| !target.contains(':') && !target.contains(char::is_whitespace));
    local.filter_map(|target| target.split('#').next()).filter(|path| !path.is_empty())
}

/// Returns mdBook's table of contents.
fn summary(workspace: &Workspace, pages: &[String]) -> Result<String, Failure> {
    let mut summary = vec![format!("# Summary\n\n[Gauntlet]({INDEX})\n")];
    let mut rest: BTreeSet<&str> = pages.iter().map(String::as_str).filter(|page| *page != FRONT).collect();
    for (title, directory) in SECTIONS {
        summary.push(format!("\n# {title}\n\n"));
        for page in in_order(workspace, directory, &rest)? {
            rest.remove(page.as_str());
            summary.push(entry(workspace, &page)?);
        }
    }
    summary.push("\n# The project\n\n".to_owned());
    for page in rest {
        summary.push(entry(workspace, page)?);
    }
    Ok(summary.concat())
}

/// Returns the pages of a directory in the order of the table of contents.
fn in_order(workspace: &Workspace, directory: &str, pages: &BTreeSet<&str>) -> Result<Vec<String>, Failure> {
    let prefix = format!("{directory}/");
    let index = format!("{prefix}{FRONT}");
    let mut ordered = Vec::new();
    if pages.contains(index.as_str()) {
        let text = read(&workspace.path(&index))?;
        let linked = local_links(&text).map(|link| format!("{prefix}{link}"));
        let linked: Vec<String> = linked.filter(|page| pages.contains(page.as_str())).collect();
        ordered.push(index);
        ordered.extend(linked);
    }
    let is_nested = |page: &str| directory == "docs" && page[prefix.len()..].contains('/');
    let named = pages.iter().filter(|page| page.starts_with(&prefix) && !is_nested(page));
    ordered.extend(named.map(|page| (*page).to_owned()));
    let mut seen = BTreeSet::new();
    ordered.retain(|page| seen.insert(page.clone()));
    Ok(ordered)
}

/// Returns the line of a page in the table of contents: its title is its first heading.
fn entry(workspace: &Workspace, page: &str) -> Result<String, Failure> {
    let text = read(&workspace.path(page))?;
    let title = text.lines().find_map(|line| line.strip_prefix("# "));
    let title = title.ok_or_else(|| Failure::other(format!("{page} has no heading")))?;
    Ok(format!("- [{}]({})\n", title.replace(['[', ']'], ""), renamed(page)))
}

/// Returns the path of a file from the root of the repository.
fn relative(workspace: &Workspace, path: &Path) -> Result<PathBuf, Failure> {
    let path = fs::canonicalize(path).map_err(Failure::at(path))?;
    let root = fs::canonicalize(&workspace.root).map_err(Failure::at(&workspace.root))?;
    let inside = path.strip_prefix(&root).map(Path::to_owned);
    inside
        .map_err(|_| Failure::other(format!("a page links to {}, outside of the repository", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_have_no_fragments_and_addresses() {
        let text = "[a](b.md#c) [d](https://e.f/) ![g](h/i.svg) `x[1](2 3)` [j](#k) <img src=\"l.svg\">";
        assert_eq!(local_links(text).collect::<Vec<_>>(), ["b.md", "h/i.svg", "l.svg"]);
    }

    #[test]
    fn every_link_of_every_page_leads_to_a_file() {
        let workspace = Workspace::find();
        let pages = pages(&workspace).unwrap();
        assert!(pages.len() > 100, "{pages:?}");
        for page in &pages {
            let path = workspace.path(page);
            for link in local_links(&read(&path).unwrap()) {
                let target = path.parent().unwrap().join(link);
                assert!(target.exists(), "{page} links to {link}, which does not exist");
            }
        }
    }

    #[test]
    fn the_table_of_contents_has_every_page_once() {
        let workspace = Workspace::find();
        let pages = pages(&workspace).unwrap();
        let summary = summary(&workspace, &pages).unwrap();
        for page in &pages {
            let count = summary.matches(&format!("]({})", renamed(page))).count();
            assert_eq!(count, 1, "{page}");
        }
        let position = |page: &str| summary.find(page).unwrap();
        assert!(
            position("judge-a-server.md") < position("ci-gate.md"),
            "the order of the guide's index: {summary}"
        );
    }
}
