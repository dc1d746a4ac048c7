//! Long flags with one dash, as programs written in Go take them.

use std::ffi::OsString;

use clap::Command;

/// Rewrites the long flags of a command and of its subcommands that have one dash: `-addr` becomes `--addr`. Arguments
/// after `--` are not flags.
#[must_use]
pub fn with_two_dashes(command: &Command, arguments: &[OsString]) -> Vec<OsString> {
    let mut names = vec!["help".to_owned(), "version".to_owned()];
    collect_long_names(command, &mut names);
    let flags_end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let (flags, rest) = arguments.split_at(flags_end);
    let rewritten = flags.iter().map(|argument| {
        let text = argument.to_str().and_then(|text| text.strip_prefix('-'));
        match text {
            Some(text) if names.iter().any(|name| Some(&name[..]) == text.split('=').next()) => {
                format!("--{text}").into()
            }
            _ => argument.clone(),
        }
    });
    rewritten.chain(rest.iter().cloned()).collect()
}

fn collect_long_names(command: &Command, names: &mut Vec<String>) {
    names.extend(command.get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned)));
    command.get_subcommands().for_each(|command| collect_long_names(command, names));
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn long_flags_of_the_command_and_its_subcommands_get_two_dashes() {
        let serve = Command::new("serve").arg(Arg::new("b").long("read-timeout"));
        let command = Command::new("program").arg(Arg::new("a").long("addr").short('a')).subcommand(serve);
        for (argument, expected) in [
            ("-addr", "--addr"),
            ("-addr=:8080", "--addr=:8080"),
            ("-read-timeout=30s", "--read-timeout=30s"),
            ("-help", "--help"),
            ("-version", "--version"),
            ("--addr", "--addr"),
            ("-a", "-a"),
            ("-h", "-h"),
            ("-1", "-1"),
            ("-", "-"),
            ("-unknown", "-unknown"),
            ("addr", "addr"),
        ] {
            let arguments = ["program", argument, "--", argument].map(OsString::from);
            let expected = ["program", expected, "--", argument].map(OsString::from);
            assert_eq!(with_two_dashes(&command, &arguments), expected, "{argument}");
        }
    }
}
