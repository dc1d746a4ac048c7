//! The text of a new `gauntlet.toml`.

use crate::init::detection::Start;

/// The file without a target: all settings are comments.
pub(crate) const TEMPLATE: &str = r#"# Flags of `harness` for this directory. Each key is a flag without its dashes; `harness --help` describes all flags.
# A flag on the command line overrides this file.

# The target: an address, a command to start, or a container image. Default: the built-in reference server.
#addr = "127.0.0.1:8080"
#exec = "./server --port {port}"
#image = "server:latest"

# The plan. Without a seed, each run uses a random seed and prints it.
#seed = 7
#concurrency = 100
#timeout = 10
#deadline = 45

# The selection: patterns for ids, clauses and levels. `harness cases` lists all cases.
#only = ["must", "should"]
#skip = ["index/F6/*"]
#strict = true
#stall-limit = 30

# A list of known failures with reasons, one per line, such as:
#   index/S2/4  we follow the early edition of the protocol
#expect = "gauntlet-expected.txt"
# A list of flaky items in the same form. They run and are reported, but decide nothing.
#flaky = "gauntlet-flaky.txt"

# Reports.
#json = "gauntlet.json"
#junit = "gauntlet.xml"
#tap = "gauntlet.tap"
#ctrf = "gauntlet.ctrf.json"
#html = "gauntlet.html"
#badge = "gauntlet.svg"
"#;

/// The line of the template before which the target is written.
const BEFORE: &str = "\n# The plan.";

/// Returns the file for a server that is started like this.
pub(crate) fn with_target(start: &Start) -> String {
    let lines = match start {
        Start::Command { command, addr: None } => format!("exec = {}\n", quoted(command)),
        Start::Command { command, addr: Some(addr) } => {
            format!("exec = {}\naddr = {}\n", quoted(command), quoted(addr))
        }
        Start::Image { name } => format!("image = {}\n", quoted(name)),
    };
    TEMPLATE.replacen(BEFORE, &format!("{lines}{BEFORE}"), 1)
}

/// Returns a text as a basic string of TOML.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_setting_of_the_file() {
        let start = Start::Command { command: r#"run "a\b" {port}"#.to_owned(), addr: None };
        let file: toml::Table = toml::from_str(&with_target(&start)).unwrap();
        assert_eq!(file["exec"].as_str(), Some(r#"run "a\b" {port}"#));
        let start = Start::Command { command: "run".to_owned(), addr: Some("127.0.0.1:8080".to_owned()) };
        let file: toml::Table = toml::from_str(&with_target(&start)).unwrap();
        assert_eq!((file.len(), file["addr"].as_str()), (2, Some("127.0.0.1:8080")));
    }
}
