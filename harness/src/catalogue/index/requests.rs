//! Cases R1 to R4: the form of a request.

use conformance::case::Step::{AllAsk, Join};
use conformance::case::{Case, ERROR, FAIL, OK, ask, case};
use protocol::index::clauses::{R1, R2, R3, R4};

pub(super) const CASES: &[Case] = &[
    case("index/R1/1", R1, "A line with two fields is answered ERROR.")
        .cause("The server treats the missing third field as an empty field.")
        .steps(&[ask(b"QUERY|{a}\n", ERROR), ask(b"INDEX|{a}\n", ERROR), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/R1/2", R1, "A line with four fields is answered ERROR.")
        .cause("The server ignores the fields after the third.")
        .steps(&[
            ask(b"QUERY|{a}||{b}\n", ERROR),
            ask(b"INDEX|{a}||{b}\n", ERROR),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case(
        "index/R1/3",
        R1,
        "A separator inside the list makes a fourth field, and the line is answered ERROR.",
    )
    .cause("The server splits the line only at the first two separators.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|{b}|\n", ERROR),
        ask(b"INDEX|{a}|||\n", ERROR),
        ask(b"|INDEX|{a}|\n", ERROR),
        ask(b"QUERY|{b}|{a}|{a}\n", ERROR),
        ask(b"QUERY|{a}|\n", FAIL),
    ]),
    case("index/R1/4", R1, "A line with only a command is answered ERROR.")
        .cause("The server treats missing fields as empty fields, or closes the connection.")
        .steps(&[ask(b"QUERY\n", ERROR), ask(b"INDEX\n", ERROR), ask(b"REMOVE\n", ERROR)]),
    case("index/R1/5", R1, "An empty line is answered ERROR.")
        .cause("The server skips empty lines without a reply, or an empty line ends the server.")
        .steps(&[ask(b"\n", ERROR), ask(b"QUERY|{a}|\n", FAIL)]),
    case(
        "index/R1/6",
        R1,
        "A line whose words are separated by blanks or other characters is one field and is \
             answered ERROR.",
    )
    .cause("The server splits the line at characters other than the separator.")
    .steps(&[
        ask(b"INDEX {a} {b}\n", ERROR),
        ask(b"INDEX\t{a}\t{b}\n", ERROR),
        ask(b"INDEX|{a} {b}\n", ERROR),
        ask(b"INDEX|{a}={b}\n", ERROR),
        ask(b"INDEX|{a}\xe2\x98\x83{b}\n", ERROR),
        ask(b"QUERY|{a}|\n", FAIL),
    ]),
    case("index/R1/7", R1, "A line with a thousand separators is answered ERROR.")
        .cause(
            "The server stores fields in an array of fixed size, or checks only the first three \
             fields.",
        )
        .steps(&[ask(b"QUERY|{a}|{|*1000}\n", ERROR), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/R2/1", R2, "A command in lower case is answered ERROR.")
        .cause("The server compares commands without regard to case.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"query|{a}|\n", ERROR),
            ask(b"Query|{a}|\n", ERROR),
            ask(b"remove|{a}|\n", ERROR),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/R2/2", R2, "A longer word that begins with a command is answered ERROR.")
        .cause("The server compares only the beginning of the line.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUERYX|{a}|\n", ERROR),
            ask(b"REMOVES|{a}|\n", ERROR),
            ask(b"INDEXES|{b}|\n", ERROR),
            ask(b"QUERY|{b}|\n", FAIL),
        ]),
    case("index/R2/3", R2, "A prefix of a command is answered ERROR.")
        .cause("The server accepts a prefix of a command, or decides by the first letter.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUER|{a}|\n", ERROR),
            ask(b"R|{a}|\n", ERROR),
            ask(b"I|{b}|\n", ERROR),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/R2/4", R2, "A command with blanks around it is answered ERROR.")
        .cause("The server trims the line or its fields before it compares them.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b" QUERY|{a}|\n", ERROR),
            ask(b"QUERY |{a}|\n", ERROR),
            ask(b"\tQUERY|{a}|\n", ERROR),
        ]),
    case("index/R2/5", R2, "An unknown command is answered ERROR, not FAIL.")
        .cause("An unknown command falls through to the reply for a request that cannot be done.")
        .steps(&[ask(b"LIZARD|{a}|\n", ERROR), ask(b"BLINDEX|{a}|\n", ERROR), ask(b"GET|{a}|{b}\n", ERROR)]),
    case("index/R2/6", R2, "An empty command is answered ERROR.")
        .cause("The server finds the empty word in every other word, or uses a default command.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"|{a}|\n", ERROR), ask(b"||\n", ERROR)]),
    case("index/R3/1", R3, "INDEX with an empty package is answered ERROR.")
        .cause("The server indexes the empty name like any other.")
        .steps(&[ask(b"INDEX||\n", ERROR), ask(b"INDEX||{b}\n", ERROR)]),
    case("index/R3/2", R3, "REMOVE with an empty package is answered ERROR.")
        .cause("The empty name is not indexed, and REMOVE of a package that is not indexed succeeds.")
        .steps(&[ask(b"REMOVE||\n", ERROR)]),
    case("index/R3/3", R3, "QUERY with an empty package is answered ERROR, not FAIL.")
        .cause("The server looks up the empty name and does not find it.")
        .steps(&[ask(b"QUERY||\n", ERROR), ask(b"QUERY||{b}\n", ERROR)]),
    case("index/R4/1", R4, "The third field may be empty: the package has no dependencies.")
        .cause("The server treats an empty field as a missing field, or as a list with one empty name.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"QUERY|{a}|\n", OK)]),
    case("index/R4/2", R4, "Commas separate the names of the list, and every name is checked.")
        .cause("The server treats the list as one name, or checks only a part of it.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{d}|\n", OK),
            ask(b"INDEX|{a}|{b},{c},{d}\n", OK),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/R4/3", R4, "Every name of the list is a dependency, and none of them can be removed.")
        .cause("The server stores only the first or the last name of the list.")
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
        "Only a comma separates names: a dot, dash, plus, at sign or underscore does not.",
    )
    .cause("The server splits the list with a pattern that matches more than the comma.")
    .presupposes(&["index/R9/2"])
    .steps(&[
        ask(b"INDEX|{b}.x-1|\n", OK),
        ask(b"INDEX|{c}+y_2@3|\n", OK),
        ask(b"INDEX|{a}|{b}.x-1,{c}+y_2@3\n", OK),
        ask(b"REMOVE|{b}.x-1|\n", FAIL),
    ]),
    case("index/R4/5", R4, "The order of the names in a list does not matter.")
        .cause("The server searches the list as if it were sorted.")
        .steps(&[
            ask(b"INDEX|{d}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{d},{b},{c}\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
        ]),
    case("index/R4/6", R4, "In a list of ten names, every name is a dependency, whatever its position.")
        .cause("The server loses names between the parser and the index.")
        .steps(&[
            Join(10, b"INDEX|{b}n{n}|\n", OK),
            ask(
                b"INDEX|{a}|{b}n100,{b}n101,{b}n102,{b}n103,{b}n104,{b}n105,{b}n106,{b}n107,{b}n108,\
          {b}n109\n",
                OK,
            ),
            AllAsk(10, 1, b"REMOVE|{b}n10{n}|\n", FAIL),
            ask(b"REMOVE|{a}|\n", OK),
            AllAsk(10, 1, b"REMOVE|{b}n10{n}|\n", OK),
        ]),
];
