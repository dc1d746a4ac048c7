//! Cases R5 to R9: ambiguous lists, and names.

use conformance::case::Step::{AllAsk, Join};
use conformance::case::{Case, FAIL, OBSERVED, OK, OK_OR_FAIL, Runs, ask, case};
use protocol::index::clauses::{R5, R6, R7, R8, R9};

/// The possible treatments of an empty name in a list.
const DROPPED_OR_MISSING: &[(&str, &str)] = &[
    ("OK", "the server ignores an empty name in a list"),
    ("FAIL", "an empty name in a list is a dependency that is not indexed"),
    ("ERROR", "the server refuses a list with an empty name"),
];

pub(super) const CASES: &[Case] = &[
    case("index/R5/1", R5, "Observes how the server treats an empty name between two commas.")
        .steps(&[ask(b"INDEX|{b}|\n", OK), ask(b"INDEX|{c}|\n", OK), ask(b"INDEX|{a}|{b},,{c}\n", OBSERVED)])
        .means(DROPPED_OR_MISSING),
    case("index/R5/2", R5, "Observes how the server treats a comma at the end of a list.")
        .steps(&[ask(b"INDEX|{b}|\n", OK), ask(b"INDEX|{a}|{b},\n", OBSERVED)])
        .means(DROPPED_OR_MISSING),
    case("index/R5/3", R5, "Observes how the server treats a list that is a single comma.")
        .steps(&[ask(b"INDEX|{a}|,\n", OBSERVED)])
        .means(DROPPED_OR_MISSING),
    case("index/R5/4", R5, "Observes whether blanks around a dependency belong to its name.")
        .steps(&[ask(b"INDEX|{b}|\n", OK), ask(b"INDEX|{a}| {b} \n", OBSERVED)])
        .means(&[
            ("OK", "the server trims blanks around a dependency"),
            ("FAIL", "blanks around a dependency belong to its name"),
            ("ERROR", "the server refuses a list with blanks around a dependency"),
        ]),
    case("index/R5/5", R5, "Observes whether a dependency that is listed twice counts twice.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b},{b}\n", OBSERVED),
            ask(b"REMOVE|{a}|\n", OBSERVED),
            ask(b"REMOVE|{b}|\n", OBSERVED),
        ])
        .means(&[
            ("OK OK OK", "a dependency that is listed twice counts once"),
            (
                "OK OK FAIL",
                "a dependency that is listed twice counts twice, and one of the two edges is never \
             deleted",
            ),
            ("ERROR OK OK", "the server refuses a list with a repeated name"),
        ]),
    case("index/R6/1", R6, "Observes whether REMOVE uses a list.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"REMOVE|{a}|{b}\n", OBSERVED)])
        .means(&[
            ("OK", "REMOVE ignores a list"),
            ("FAIL", "REMOVE checks a list as INDEX does"),
            ("ERROR", "the server refuses REMOVE with a list"),
        ]),
    case("index/R6/2", R6, "Observes whether QUERY uses a list.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"QUERY|{a}|{b}\n", OBSERVED)])
        .means(&[
            ("OK", "QUERY ignores a list"),
            ("FAIL", "QUERY checks a list as INDEX does"),
            ("ERROR", "the server refuses QUERY with a list"),
        ]),
    case("index/R7/1", R7, "Observes whether a name may contain a blank.")
        .steps(&[ask(b"INDEX|{a} x|\n", OBSERVED), ask(b"QUERY|{a} x|\n", OBSERVED)])
        .means(&[
            ("OK OK", "a name may contain a blank"),
            ("ERROR ERROR", "the server refuses a name with a blank"),
        ]),
    case("index/R7/2", R7, "Observes whether blanks around a package belong to its name.")
        .steps(&[ask(b"INDEX| {a} |\n", OBSERVED), ask(b"QUERY|{a}|\n", OBSERVED)])
        .means(&[
            ("OK FAIL", "blanks around a package belong to its name"),
            ("OK OK", "the server trims blanks around a package"),
            ("ERROR FAIL", "the server refuses a package with blanks around it"),
        ]),
    case("index/R7/3", R7, "Observes whether a name may contain an equals sign.")
        .steps(&[ask(b"INDEX|{a}=x|\n", OBSERVED), ask(b"QUERY|{a}=x|\n", OBSERVED)])
        .means(&[
            ("OK OK", "a name may contain an equals sign"),
            ("ERROR ERROR", "the server refuses a name with an equals sign"),
        ]),
    case("index/R7/4", R7, "Observes whether a name may contain a control byte.")
        .steps(&[ask(b"INDEX|{a}\x01x|\n", OBSERVED), ask(b"QUERY|{a}\x01x|\n", OBSERVED)])
        .means(&[
            ("OK OK", "a name may contain a control byte"),
            ("ERROR ERROR", "the server refuses a name with a control byte"),
        ]),
    case("index/R7/5", R7, "Observes whether a name may contain bytes that are not UTF-8.")
        .steps(&[ask(b"INDEX|{a}\xff|\n", OBSERVED), ask(b"QUERY|{a}\xff|\n", OBSERVED)])
        .means(&[
            ("OK OK", "a name may contain bytes that are not UTF-8"),
            ("ERROR ERROR", "the server refuses a name that is not UTF-8"),
        ])
        .alone(),
    case("index/R7/6", R7, "Observes whether two different names that are not UTF-8 are two packages.")
        .steps(&[ask(b"INDEX|{a}\xfe|\n", OBSERVED), ask(b"QUERY|{a}\xff|\n", OBSERVED)])
        .means(&[
            ("OK FAIL", "two different names that are not UTF-8 are two packages"),
            ("OK OK", "the server replaces bytes that are not UTF-8, so that different names become one"),
            ("ERROR ERROR", "the server refuses names that are not UTF-8"),
        ])
        .alone(),
    case("index/R8/1", R8, "A name of 255 bytes is accepted.")
        .cause("The server stores names in a field of fixed size, or limits their length too strictly.")
        .steps(&[
            ask(b"INDEX|{a:255}|\n", OK),
            ask(b"INDEX|{b}|{a:255}\n", OK),
            ask(b"REMOVE|{a:255}|\n", FAIL),
        ]),
    case("index/R8/2", R8, "A list of 1,000 dependencies is a valid request.")
        .cause("The server limits the length of the list or of the line.")
        .presupposes(&["index/F2/4"])
        .steps(&[ask(b"INDEX|{a}|{b*1000}\n", OK_OR_FAIL), ask(b"QUERY|{a}|\n", OK_OR_FAIL)]),
    case("index/R8/3", R8, "A list of 1,000 dependencies is checked to its end and stored completely.")
        .cause("The server truncates the list without an error.")
        .presupposes(&["index/R8/2", "index/F2/4"])
        .steps(&[
            Join(25, b"QUERY|{b}n{n}|\n", FAIL),
            AllAsk(25, 40, b"INDEX|{b}n{n}|\n", OK),
            ask(b"INDEX|{a}|{b*999},{c}\n", FAIL),
            ask(b"INDEX|{a}|{b*1000}\n", OK),
            ask(b"REMOVE|{b}n999|\n", FAIL),
            ask(b"REMOVE|{b}n500|\n", FAIL),
            ask(b"REMOVE|{a}|\n", OK),
            AllAsk(25, 40, b"REMOVE|{b}n{n}|\n", OK),
        ])
        .runs(Runs::WithPace(12_000)),
    case("index/R9/1", R9, "A name of 100 bytes is accepted.")
        .cause("The server stores names in a field of fixed size, or limits their length too strictly.")
        .steps(&[ask(b"INDEX|{a:100}|\n", OK), ask(b"QUERY|{a:100}|\n", OK), ask(b"QUERY|{a:99}|\n", FAIL)]),
    case("index/R9/2", R9, "A name may contain upper-case and lower-case letters, digits and @ + . _ -.")
        .cause("The server checks names against a pattern that omits some of these characters.")
        .steps(&[
            ask(b"INDEX|{a}ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789|\n", OK),
            ask(b"INDEX|{a}@2.1|\n", OK),
            ask(b"INDEX|{a}++_-.+|\n", OK),
            ask(b"INDEX|+@._-{a}|\n", OK),
            ask(b"INDEX|7{a}|\n", OK),
            ask(b"QUERY|{a}++_-.+|\n", OK),
        ]),
    case("index/R9/3", R9, "Names that differ only in case are two packages.")
        .cause("The server converts names to lower case, or its table ignores case.")
        .steps(&[
            ask(b"INDEX|{a}Lib|\n", OK),
            ask(b"QUERY|{a}lib|\n", FAIL),
            ask(b"INDEX|{b}|{a}LIB\n", FAIL),
            ask(b"REMOVE|{a}LIB|\n", OK),
            ask(b"QUERY|{a}Lib|\n", OK),
        ]),
    case("index/R9/4", R9, "Names of 100 bytes that differ only in the last byte are two packages.")
        .cause("The server truncates names to the size of a field.")
        .steps(&[
            ask(b"INDEX|{a:99}1|\n", OK),
            ask(b"QUERY|{a:99}2|\n", FAIL),
            ask(b"INDEX|{b}|{a:99}2\n", FAIL),
        ]),
    case("index/R9/5", R9, "A name and a prefix of it are two packages.")
        .cause("The server compares only the beginning of names, or cuts names at a certain character.")
        .steps(&[
            ask(b"INDEX|{a}.1|\n", OK),
            ask(b"QUERY|{a}|\n", FAIL),
            ask(b"QUERY|{a}.|\n", FAIL),
            ask(b"QUERY|{a}.12|\n", FAIL),
            ask(b"QUERY|{a}.2|\n", FAIL),
            ask(b"QUERY|{a}.1.0|\n", FAIL),
            ask(b"INDEX|{b}@1|\n", OK),
            ask(b"QUERY|{b}@2|\n", FAIL),
            ask(b"QUERY|{b}|\n", FAIL),
        ]),
    case("index/R9/6", R9, "Names with the same letters in a different order are two packages.")
        .cause("The server compares names by the sum of their bytes.")
        .steps(&[ask(b"INDEX|{a}xy|\n", OK), ask(b"QUERY|{a}yx|\n", FAIL), ask(b"INDEX|{b}|{a}yx\n", FAIL)]),
    case("index/R9/7", R9, "Names with the same common 32-bit hash are two packages.")
        .cause("The server compares a 32-bit hash of the names instead of their bytes.")
        .steps(&[
            ask(b"INDEX|{a}AaBB|\n", OK),
            ask(b"QUERY|{a}BBAa|\n", FAIL),
            ask(b"QUERY|{a}B@BB|\n", FAIL),
            ask(b"QUERY|{a}AaAa|\n", FAIL),
        ]),
    case("index/R9/8", R9, "When sixty names are indexed, sixty other names are not.")
        .cause("The server compares a short hash of the names instead of their bytes.")
        .steps(&[
            Join(10, b"QUERY|{b}{r}|\n", FAIL),
            AllAsk(10, 6, b"INDEX|{a}{r}|\n", OK),
            AllAsk(10, 6, b"QUERY|{b}{r}|\n", FAIL),
            AllAsk(10, 6, b"QUERY|{a}{r}|\n", OK),
        ]),
    case("index/R9/9", R9, "Numbers in names are text: leading zeros are significant.")
        .cause("The server reads names, or parts of them, as numbers.")
        .steps(&[
            ask(b"INDEX|{a}-07|\n", OK),
            ask(b"QUERY|{a}-7|\n", FAIL),
            ask(b"QUERY|{a}-07|\n", OK_OR_FAIL),
        ]),
    case(
        "index/R9/10",
        R9,
        "A dash, an underscore, a dot and a plus in the same position make four packages.",
    )
    .cause("The server normalizes names, as some package managers do.")
    .steps(&[
        ask(b"INDEX|{a}-x|\n", OK),
        ask(b"QUERY|{a}_x|\n", FAIL),
        ask(b"QUERY|{a}.x|\n", FAIL),
        ask(b"QUERY|{a}+x|\n", FAIL),
    ]),
    // The only case whose names are not unique to it. Like the replay, it removes them first; it never indexes them.
    case(
        "index/R9/11",
        R9,
        "A word with a special meaning in the server's programming language is a valid name.",
    )
    .cause("The index is a plain object with inherited members of that name, as in JavaScript.")
    .steps(&[
        ask(b"QUERY|toString|\n", FAIL),
        ask(b"QUERY|hasOwnProperty|\n", FAIL),
        ask(b"QUERY|__proto__|\n", FAIL),
    ])
    .alone(),
    case("index/R9/12", R9, "A name with a character appended, be it a separator or a digit, is another package.")
        .cause("The server trims separators at the end of names, or compares only the beginning of names.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUERY|{a}-|\n", FAIL),
            ask(b"QUERY|{a}_|\n", FAIL),
            ask(b"QUERY|{a}.|\n", FAIL),
            ask(b"QUERY|{a}+|\n", FAIL),
            ask(b"QUERY|{a}@|\n", FAIL),
            ask(b"QUERY|{a}0|\n", FAIL),
            ask(b"INDEX|{b}|{a}-\n", FAIL),
            ask(b"REMOVE|{a}-|\n", OK),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"INDEX|{c}-|\n", OK),
            ask(b"INDEX|{d}.|\n", OK),
            ask(b"INDEX|{e}+|\n", OK),
            ask(b"INDEX|{f}@|\n", OK),
            ask(b"QUERY|{c}|\n", FAIL),
            ask(b"QUERY|{d}|\n", FAIL),
            ask(b"QUERY|{e}|\n", FAIL),
            ask(b"QUERY|{f}|\n", FAIL),
        ]),
    case("index/R9/13", R9, "A name with a character in front of it, be it a separator or a digit, is another package.")
        .cause("The server trims separators at the beginning of names, or compares only the end of names.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUERY|-{a}|\n", FAIL),
            ask(b"QUERY|_{a}|\n", FAIL),
            ask(b"QUERY|.{a}|\n", FAIL),
            ask(b"QUERY|+{a}|\n", FAIL),
            ask(b"QUERY|@{a}|\n", FAIL),
            ask(b"QUERY|0{a}|\n", FAIL),
            ask(b"INDEX|{b}|-{a}\n", FAIL),
            ask(b"INDEX|-{c}|\n", OK),
            ask(b"INDEX|.{d}|\n", OK),
            ask(b"INDEX|@{e}|\n", OK),
            ask(b"INDEX|0{f}|\n", OK),
            ask(b"QUERY|{c}|\n", FAIL),
            ask(b"QUERY|{d}|\n", FAIL),
            ask(b"QUERY|{e}|\n", FAIL),
            ask(b"QUERY|{f}|\n", FAIL),
        ]),
    case("index/R9/14", R9, "Names that differ only by a repeated separator are two packages.")
        .cause("The server joins repeated separators, as it would in a path.")
        .steps(&[
            ask(b"INDEX|{a}-x|\n", OK),
            ask(b"QUERY|{a}--x|\n", FAIL),
            ask(b"INDEX|{b}..x|\n", OK),
            ask(b"QUERY|{b}.x|\n", FAIL),
            ask(b"INDEX|{c}__x|\n", OK),
            ask(b"QUERY|{c}_x|\n", FAIL),
            ask(b"INDEX|{d}++|\n", OK),
            ask(b"QUERY|{d}+|\n", FAIL),
        ]),
    case("index/R9/15", R9, "Names that are equal in the first 64 bytes and differ after them, be it only in case, are two packages.")
        .cause("The server stores or compares 64 bytes of a name.")
        .steps(&[
            ask(b"INDEX|{a:64}Lib|\n", OK),
            ask(b"QUERY|{a:64}lib|\n", FAIL),
            ask(b"QUERY|{a:64}Lia|\n", FAIL),
            ask(b"QUERY|{a:64}|\n", FAIL),
            ask(b"INDEX|{b}|{a:64}LIB\n", FAIL),
        ]),
    // Its names are not unique to it. It removes them first and last.
    case("index/R9/16", R9, "A dot, and two dots, are valid names.")
        .cause("The server stores packages under file paths, or trims dots.")
        .steps(&[
            ask(b"INDEX|.|\n", OK),
            ask(b"QUERY|.|\n", OK),
            ask(b"QUERY|..|\n", FAIL),
            ask(b"INDEX|..|.\n", OK),
            ask(b"REMOVE|.|\n", FAIL),
            ask(b"REMOVE|..|\n", OK),
            ask(b"REMOVE|.|\n", OK),
        ])
        .alone(),
    case("index/R9/17", R9, "A dependency whose name begins or ends with a separator or a digit is found.")
        .cause("The server decodes or trims the names of a list, and not those of packages.")
        .steps(&[
            ask(b"INDEX|{a}+|\n", OK),
            ask(b"INDEX|+{a}|\n", OK),
            ask(b"INDEX|{a}-|\n", OK),
            ask(b"INDEX|{a}.|\n", OK),
            ask(b"INDEX|_{a}@|\n", OK),
            ask(b"INDEX|{b}|{a}+\n", OK),
            ask(b"INDEX|{c}|+{a}\n", OK),
            ask(b"INDEX|{d}|{a}-,{a}.,_{a}@\n", OK),
            ask(b"REMOVE|{a}+|\n", FAIL),
            ask(b"REMOVE|+{a}|\n", FAIL),
            ask(b"REMOVE|_{a}@|\n", FAIL),
            ask(b"REMOVE|{b}|\n", OK),
            ask(b"REMOVE|{a}+|\n", OK),
        ]),
];
