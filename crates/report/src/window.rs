//! A diagram of operations that together have no linearization: a bar for each, from its send to its reply.

use std::io::{self, Write};

use maud::{Markup, html};

use verdict::{Window, WindowOperation};

use crate::format::latency;

/// The width of the time axis on a terminal, in characters.
const TIME_WIDTH: u64 = 36;

/// The number of operations drawn; larger diagrams are not readable.
const OPERATIONS_MAX: usize = 40;

/// The dimensions of the diagram on a page, in pixels.
const PAGE_WIDTH: u64 = 900;
const PAGE_LEFT: u64 = 90;
const ROW_HEIGHT: u64 = 26;
const BAR_HEIGHT: u64 = 16;

/// The time span of the diagram, in nanoseconds.
struct Span {
    from_ns: u64,
    to_ns: u64,
}

impl Span {
    fn of(window: &Window) -> Self {
        let from_ns = window.operations.iter().map(|bar| bar.sent_ns).min().unwrap_or(0);
        let last = |bar: &WindowOperation| bar.replied_ns.unwrap_or(bar.sent_ns);
        let to_ns = window.operations.iter().map(last).max().unwrap_or(from_ns);
        Self { from_ns, to_ns: to_ns.max(from_ns + 1) }
    }

    /// Returns the position of a time on an axis of this width; a lost reply is at the end.
    fn place(&self, at_ns: Option<u64>, width: u64) -> u64 {
        let at_ns = at_ns.unwrap_or(self.to_ns).clamp(self.from_ns, self.to_ns);
        let place =
            u128::from(at_ns - self.from_ns) * u128::from(width) / u128::from(self.to_ns - self.from_ns);
        u64::try_from(place).unwrap_or(width)
    }

    fn duration(&self) -> String {
        latency(self.to_ns - self.from_ns)
    }
}

/// Draws the diagram on a terminal.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn write_window(out: &mut (impl Write + ?Sized), window: &Window) -> io::Result<()> {
    let span = Span::of(window);
    writeln!(
        out,
        "  conflict     no linearization of these requests, within {}, each from its send to its reply:",
        span.duration()
    )?;
    for bar in window.operations.iter().take(OPERATIONS_MAX) {
        let from = span.place(Some(bar.sent_ns), TIME_WIDTH - 1);
        let to = span.place(bar.replied_ns, TIME_WIDTH - 1).max(from);
        let (mark, line) = if bar.is_violation { ("!", "━") } else { (" ", "─") };
        let drawn = line.repeat(usize::try_from(to - from + 1).unwrap_or(1));
        let (before, after) = (" ".repeat(usize::try_from(from).unwrap_or(0)), TIME_WIDTH - 1 - to);
        let after = " ".repeat(usize::try_from(after).unwrap_or(0));
        writeln!(out, "  {mark} client {:>4} {before}{drawn}{after}  {}", bar.client, label(bar))?;
    }
    write_more(out, window)?;
    for state in &window.states {
        writeln!(out, "  {:<12} {state}", "before")?;
    }
    Ok(())
}

fn write_more(out: &mut (impl Write + ?Sized), window: &Window) -> io::Result<()> {
    match window.operations.len().saturating_sub(OPERATIONS_MAX) {
        0 => Ok(()),
        more => writeln!(out, "    and {more} more"),
    }
}

fn label(bar: &WindowOperation) -> String {
    let reply = bar.reply.as_deref().unwrap_or("no reply");
    format!("{} {reply}", bar.request)
}

/// Draws the diagram on a page.
#[must_use]
pub(crate) fn picture(window: &Window) -> Markup {
    let span = Span::of(window);
    let rows = window.operations.len().min(OPERATIONS_MAX) as u64;
    let width = PAGE_WIDTH - PAGE_LEFT - 1;
    html! {
        p { "These requests have no linearization, within " (span.duration()) ". A bar extends from the send to the reply." }
        div.wide {
            svg.window viewBox=(format!("0 0 {PAGE_WIDTH} {}", rows * ROW_HEIGHT)) width=(PAGE_WIDTH) role="img"
                aria-label="requests over time" {
                @for (row, bar) in (0..).zip(window.operations.iter().take(OPERATIONS_MAX)) {
                    @let from = span.place(Some(bar.sent_ns), width);
                    @let to = span.place(bar.replied_ns, width).max(from + 4);
                    @let is_right_half = from > width / 2;
                    text x="0" y=(row * ROW_HEIGHT + 17) { "client " (bar.client) }
                    rect.bar.violation[bar.is_violation] x=(PAGE_LEFT + from) y=(row * ROW_HEIGHT + 4) width=(to - from)
                        height=(BAR_HEIGHT) rx="3" {}
                    text.label x=(if is_right_half { PAGE_LEFT + to - 6 } else { PAGE_LEFT + from + 6 })
                        y=(row * ROW_HEIGHT + 17) text-anchor=(if is_right_half { "end" } else { "start" }) { (label(bar)) }
                }
            }
        }
        @if !window.states.is_empty() {
            p { "Possible states before the first of them:" }
            ul { @for state in &window.states { li { code { (state) } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(
        client: u32,
        sent_ns: u64,
        replied_ns: Option<u64>,
        request: &str,
        is_violation: bool,
    ) -> WindowOperation {
        let reply = replied_ns.map(|_| "OK".to_owned());
        WindowOperation { client, sent_ns, replied_ns, request: request.to_owned(), reply, is_violation }
    }

    fn window() -> Window {
        Window {
            operations: vec![
                bar(3, 1_000, Some(90_000), "INDEX|a|b", false),
                bar(12, 20_000, Some(60_000), "REMOVE|b|", true),
                bar(7, 30_000, None, "REMOVE|a|", false),
            ],
            states: vec!["a not indexed; b indexed".to_owned()],
        }
    }

    #[test]
    fn a_window_on_a_terminal() {
        let mut out = Vec::new();
        write_window(&mut out, &window()).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn a_window_without_duration_is_drawn() {
        let window = Window { operations: vec![bar(1, 5, Some(5), "QUERY|a|", true)], states: Vec::new() };
        let mut out = Vec::new();
        write_window(&mut out, &window).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("QUERY|a| OK"));
        assert!(picture(&window).into_string().contains("QUERY|a| OK"));
    }

    #[test]
    fn the_page_has_a_bar_for_each_operation_and_escapes_text() {
        let mut window = window();
        window.operations[0].request = "INDEX|<b>|".to_owned();
        let page = picture(&window).into_string();
        assert_eq!(page.matches("<rect").count(), 3);
        assert!(page.contains("INDEX|&lt;b&gt;|") && !page.contains("<b>"), "{page}");
    }
}
