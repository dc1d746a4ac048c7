//! The links of a site: each leads to a file of it, or to an address outside, and no page loads anything from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::failure::Failure;

/// Checks all pages of a site, and returns how many links they have.
///
/// # Errors
/// A link leads to a file or an element that does not exist, or a page loads something from outside. The message names all.
pub(crate) fn check(site: &Path) -> Result<usize, Failure> {
    let mut pages = BTreeMap::new();
    read_pages(site, site, &mut pages)?;
    let ids: BTreeMap<&PathBuf, BTreeSet<&str>> =
        pages.iter().map(|(path, html)| (path, values(html, "id").collect())).collect();
    let (mut count, mut broken) = (0, Vec::new());
    for (page, html) in &pages {
        let links = values(html, "href").map(|link| (link, false));
        for (link, is_loaded) in links.chain(values(html, "src").map(|link| (link, true))) {
            count += 1;
            if let Some(cause) = problem(site, page, link, is_loaded, &ids) {
                broken.push(format!("{}: {link}: {cause}", page.display()));
            }
        }
    }
    if broken.is_empty() { Ok(count) } else { Err(Failure::other(broken.join("\n"))) }
}

/// Returns why a link is wrong, if it is.
fn problem(
    site: &Path,
    page: &Path,
    link: &str,
    is_loaded: bool,
    ids: &BTreeMap<&PathBuf, BTreeSet<&str>>,
) -> Option<&'static str> {
    if link.contains(':') {
        let is_outside = !link.starts_with("data:");
        return (is_loaded && is_outside).then_some("it is loaded from outside");
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.to_owned(),
        path => normal(&page.parent().unwrap_or(Path::new("")).join(path)),
    };
    let Some(of_target) = ids.get(&target) else {
        return (!site.join(&target).is_file()).then_some("there is no such file");
    };
    (!fragment.is_empty() && !of_target.contains(fragment)).then_some("the page has no such element")
}

/// Returns a path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// Returns the values of an attribute. The pages are made by a program that always writes quotation marks.
fn values<'a>(html: &'a str, attribute: &str) -> impl Iterator<Item = &'a str> {
    let opening = format!(" {attribute}=\"");
    let starts: Vec<usize> = html.match_indices(&opening).map(|(at, _)| at + opening.len()).collect();
    starts.into_iter().filter_map(|start| html[start..].split('"').next())
}

/// Reads the pages below a directory, by their paths in the site. The page for missing pages may be at any path.
fn read_pages(site: &Path, directory: &Path, pages: &mut BTreeMap<PathBuf, String>) -> Result<(), Failure> {
    for entry in fs::read_dir(directory).map_err(Failure::at(directory))? {
        let path = entry.map_err(Failure::at(directory))?.path();
        if path.is_dir() {
            read_pages(site, &path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "html") && !path.ends_with("404.html")
        {
            let html = fs::read_to_string(&path).map_err(Failure::at(&path))?;
            pages.insert(path.strip_prefix(site).unwrap_or(&path).to_owned(), html);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(pages: &[(&str, &str)]) -> Result<usize, String> {
        let site = tempfile::tempdir().unwrap();
        for (name, html) in pages {
            let path = site.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, html).unwrap();
        }
        check(site.path()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let index = r##"<a href="a/b.html#c"> <a href="#d"> <h1 id="d"> <a href="https://e.f/g"> <img src="data:,">"##;
        let page = r#"<h2 id="c"> <a href="../index.html"> <a href="../x.json">"#;
        assert_eq!(checked(&[("index.html", index), ("a/b.html", page), ("x.json", "")]), Ok(6));
    }

    #[test]
    fn each_broken_link_is_named() {
        let index = r##"<a href="missing.html"> <a href="#e"> <script src="https://e.f/g.js">"##;
        let message = checked(&[("index.html", index)]).unwrap_err();
        let expected = [
            "index.html: missing.html: there is no such file",
            "index.html: #e: the page has no such element",
            "index.html: https://e.f/g.js: it is loaded from outside",
        ];
        assert_eq!(message.lines().collect::<Vec<_>>(), expected);
    }
}
