//! R1 to R4: what a request looks like.

use conformance::case::Step::{AllAsk, Join};
use conformance::case::{Case, ERROR, FAIL, OK, ask, case};
use protocol::index::clauses::{R1, R2, R3, R4};

pub(super) const CASES: &[Case] = &[
    case("index/R1/1", R1, "A line of two fields is answered ERROR.")
        .cause("The line is split, and a third field that is not there is taken for an empty one.")
        .steps(&[ask(b"QUERY|{a}\n", ERROR), ask(b"INDEX|{a}\n", ERROR), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/R1/2", R1, "A line of four fields is answered ERROR.")
        .cause("Fields after the third are not looked at.")
        .steps(&[
            ask(b"QUERY|{a}||{b}\n", ERROR),
            ask(b"INDEX|{a}||{b}\n", ERROR),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case(
        "index/R1/3",
        R1,
        "A separator within the list makes a line of four fields, which is answered ERROR.",
    )
    .cause("The line is split at the first two separators only.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|{b}|\n", ERROR),
            ask(b"INDEX|{a}|||\n", ERROR),
            ask(b"|INDEX|{a}|\n", ERROR),
        ask(b"QUERY|{b}|{a}|{a}\n", ERROR),
        ask(b"QUERY|{a}|\n", FAIL),
    ]),
    case("index/R1/4", R1, "A line of one field, a command alone, is answered ERROR.")
        .cause("Missing fields are taken for empty ones, or the connection is closed.")
        .steps(&[ask(b"QUERY\n", ERROR), ask(b"INDEX\n", ERROR), ask(b"REMOVE\n", ERROR)]),
    case("index/R1/5", R1, "An empty line is answered ERROR.")
        .cause("Empty lines are skipped without a reply, or end the server.")
        .steps(&[ask(b"\n", ERROR), ask(b"QUERY|{a}|\n", FAIL)]),
    case(
        "index/R1/6",
        R1,
        "Words with blanks or other marks between them are one field, which is answered ERROR.",
    )
    .cause("The line is split at more than the separator.")
    .steps(&[
        ask(b"INDEX {a} {b}\n", ERROR),
            ask(b"INDEX\t{a}\t{b}\n", ERROR),
        ask(b"INDEX|{a} {b}\n", ERROR),
        ask(b"INDEX|{a}={b}\n", ERROR),
        ask(b"INDEX|{a}\xe2\x98\x83{b}\n", ERROR),
        ask(b"QUERY|{a}|\n", FAIL),
    ]),
    case("index/R1/7", R1, "A line of a thousand separators is answered ERROR.")
        .cause("Fields are written into an array of fixed size, or only the first three are looked at.")
        .steps(&[ask(b"QUERY|{a}|{|*1000}\n", ERROR), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/R2/1", R2, "A command in small letters is answered ERROR.")
        .cause("Commands are compared without regard to case.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"query|{a}|\n", ERROR),
            ask(b"Query|{a}|\n", ERROR),
            ask(b"remove|{a}|\n", ERROR),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/R2/2", R2, "A longer word that begins with a command is answered ERROR.")
        .cause("Only the beginning of the line is compared.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUERYX|{a}|\n", ERROR),
            ask(b"REMOVES|{a}|\n", ERROR),
            ask(b"INDEXES|{b}|\n", ERROR),
            ask(b"QUERY|{b}|\n", FAIL),
        ]),
    case("index/R2/3", R2, "The beginning of a command is answered ERROR.")
        .cause("A word is taken for a command that begins with it, or its first letter decides.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUER|{a}|\n", ERROR),
            ask(b"R|{a}|\n", ERROR),
            ask(b"I|{b}|\n", ERROR),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/R2/4", R2, "A command with blanks around it is answered ERROR.")
        .cause("The line or its fields are stripped before they are compared.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b" QUERY|{a}|\n", ERROR),
            ask(b"QUERY |{a}|\n", ERROR),
            ask(b"\tQUERY|{a}|\n", ERROR),
        ]),
    case("index/R2/5", R2, "A word that is no command is answered ERROR, not FAIL.")
        .cause("What is not known falls through to the answer for what cannot be done.")
        .steps(&[ask(b"LIZARD|{a}|\n", ERROR), ask(b"BLINDEX|{a}|\n", ERROR), ask(b"GET|{a}|{b}\n", ERROR)]),
    case("index/R2/6", R2, "An empty command is answered ERROR.")
        .cause("An empty word is found in any other, or is taken for a default.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"|{a}|\n", ERROR), ask(b"||\n", ERROR)]),
    case("index/R3/1", R3, "INDEX with an empty package is answered ERROR.")
        .cause("The empty name is put into the index like any other.")
        .steps(&[ask(b"INDEX||\n", ERROR), ask(b"INDEX||{b}\n", ERROR)]),
    case("index/R3/2", R3, "REMOVE with an empty package is answered ERROR.")
        .cause("The empty name is not in the index, and what is not there can be removed.")
        .steps(&[ask(b"REMOVE||\n", ERROR)]),
    case("index/R3/3", R3, "QUERY with an empty package is answered ERROR, not FAIL.")
        .cause("The empty name is looked up, and not found.")
        .steps(&[ask(b"QUERY||\n", ERROR), ask(b"QUERY||{b}\n", ERROR)]),
    case("index/R4/1", R4, "The third field may be empty: the package needs nothing.")
        .cause("An empty field is taken for a missing one, or for a list of one empty name.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"QUERY|{a}|\n", OK)]),
    case("index/R4/2", R4, "Names in the list are parted by commas; each is looked at.")
        .cause("The list is taken for one name, or only a part of it is looked at.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{d}|\n", OK),
            ask(b"INDEX|{a}|{b},{c},{d}\n", OK),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/R4/3", R4, "Each name in the list is a dependency: none can be removed.")
        .cause("Only the first or the last name of the list is kept.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{d}|\n", OK),
            ask(b"INDEX|{a}|{b},{c},{d}\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
            ask(b"REMOVE|{c}|\n", FAIL),
            ask(b"REMOVE|{d}|\n", FAIL),
        ]),
    case(
        "index/R4/4",
        R4,
        "Nothing but a comma parts names: not a dot, a dash, a plus, an at sign or an underscore.",
    )
    .cause("The list is split by a pattern that takes more than the comma.")
    .steps(&[
        ask(b"INDEX|{b}.x-1|\n", OK),
        ask(b"INDEX|{c}+y_2@3|\n", OK),
        ask(b"INDEX|{a}|{b}.x-1,{c}+y_2@3\n", OK),
        ask(b"REMOVE|{b}.x-1|\n", FAIL),
    ]),
    case("index/R4/5", R4, "The order of the names in a list does not matter.")
        .cause("The list is searched as if it were sorted.")
        .steps(&[
            ask(b"INDEX|{d}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{d},{b},{c}\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
        ]),
    case("index/R4/6", R4, "Of a list of ten names each is a dependency, wherever it stands.")
        .cause("Names are lost on the way from the line to the index.")
        .steps(&[
            Join(10, b"INDEX|{b}.{n}|\n", OK),
            ask(b"INDEX|{a}|{b}.100,{b}.101,{b}.102,{b}.103,{b}.104,{b}.105,{b}.106,{b}.107,{b}.108,{b}.109\n", OK),
            AllAsk(10, 1, b"REMOVE|{b}.10{n}|\n", FAIL),
            ask(b"REMOVE|{a}|\n", OK),
            AllAsk(10, 1, b"REMOVE|{b}.10{n}|\n", OK),
        ]),
];
