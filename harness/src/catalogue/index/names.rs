//! R5 to R9: lists that could be read in two ways, and names.

use conformance::case::Step::{AllAsk, Join};
use conformance::case::{Case, FAIL, OBSERVED, OK, OK_OR_FAIL, Runs, ask, case};
use protocol::index::clauses::{R5, R6, R7, R8, R9};

/// What a list that is not as it should be can be taken for.
const DROPPED_OR_MISSING: &[(&str, &str)] = &[
    ("OK", "an empty name in a list is left out"),
    ("FAIL", "an empty name in a list is a dependency that is not there"),
    ("ERROR", "a list with an empty name is refused"),
];

pub(super) const CASES: &[Case] = &[
    case("index/R5/1", R5, "What an empty name between two commas is.")
        .steps(&[ask(b"INDEX|{b}|\n", OK), ask(b"INDEX|{c}|\n", OK), ask(b"INDEX|{a}|{b},,{c}\n", OBSERVED)])
        .means(DROPPED_OR_MISSING),
    case("index/R5/2", R5, "What a comma at the end of a list is.")
        .steps(&[ask(b"INDEX|{b}|\n", OK), ask(b"INDEX|{a}|{b},\n", OBSERVED)])
        .means(DROPPED_OR_MISSING),
    case("index/R5/3", R5, "What a list of nothing but a comma is.")
        .steps(&[ask(b"INDEX|{a}|,\n", OBSERVED)])
        .means(DROPPED_OR_MISSING),
    case("index/R5/4", R5, "Whether blanks around a dependency belong to its name.")
        .steps(&[ask(b"INDEX|{b}|\n", OK), ask(b"INDEX|{a}| {b} \n", OBSERVED)])
        .means(&[
            ("OK", "blanks around a dependency are stripped"),
            ("FAIL", "blanks around a dependency belong to its name"),
            ("ERROR", "a list with blanks around a dependency is refused"),
        ]),
    case("index/R5/5", R5, "Whether a dependency that is listed twice counts twice.")
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
                "a dependency that is listed twice counts twice, and one of the two is never taken back",
            ),
            ("ERROR OK OK", "a list with a name twice is refused"),
        ]),
    case("index/R6/1", R6, "Whether REMOVE looks at a list.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"REMOVE|{a}|{b}\n", OBSERVED)])
        .means(&[
            ("OK", "REMOVE does not look at a list"),
            ("FAIL", "REMOVE checks a list like INDEX"),
            ("ERROR", "REMOVE with a list is refused"),
        ]),
    case("index/R6/2", R6, "Whether QUERY looks at a list.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"QUERY|{a}|{b}\n", OBSERVED)])
        .means(&[
            ("OK", "QUERY does not look at a list"),
            ("FAIL", "QUERY checks a list like INDEX"),
            ("ERROR", "QUERY with a list is refused"),
        ]),
    case("index/R7/1", R7, "Whether a name may hold a blank.")
        .steps(&[ask(b"INDEX|{a} x|\n", OBSERVED), ask(b"QUERY|{a} x|\n", OBSERVED)])
        .means(&[("OK OK", "a blank in a name is taken"), ("ERROR ERROR", "a blank in a name is refused")]),
    case("index/R7/2", R7, "Whether blanks around a package belong to its name.")
        .steps(&[ask(b"INDEX| {a} |\n", OBSERVED), ask(b"QUERY|{a}|\n", OBSERVED)])
        .means(&[
            ("OK FAIL", "blanks around a package belong to its name"),
            ("OK OK", "blanks around a package are stripped"),
            ("ERROR FAIL", "a package with blanks around it is refused"),
        ]),
    case("index/R7/3", R7, "Whether a name may hold an equals sign.")
        .steps(&[ask(b"INDEX|{a}=x|\n", OBSERVED), ask(b"QUERY|{a}=x|\n", OBSERVED)])
        .means(&[
            ("OK OK", "an equals sign in a name is taken"),
            ("ERROR ERROR", "an equals sign in a name is refused"),
        ]),
    case("index/R7/4", R7, "Whether a name may hold a control byte.")
        .steps(&[ask(b"INDEX|{a}\x01x|\n", OBSERVED), ask(b"QUERY|{a}\x01x|\n", OBSERVED)])
        .means(&[
            ("OK OK", "a control byte in a name is taken"),
            ("ERROR ERROR", "a control byte in a name is refused"),
        ]),
    case("index/R7/5", R7, "Whether a name may hold bytes that are no UTF-8.")
        .steps(&[ask(b"INDEX|{a}\xff|\n", OBSERVED), ask(b"QUERY|{a}\xff|\n", OBSERVED)])
        .means(&[
            ("OK OK", "a byte in a name that is no UTF-8 is taken"),
            ("ERROR ERROR", "a byte in a name that is no UTF-8 is refused"),
        ])
        .alone(),
    case("index/R7/6", R7, "Whether two names of different bytes that are no UTF-8 are two packages.")
        .steps(&[ask(b"INDEX|{a}\xfe|\n", OBSERVED), ask(b"QUERY|{a}\xff|\n", OBSERVED)])
        .means(&[
            ("OK FAIL", "two names of different bytes that are no UTF-8 are two packages"),
            ("OK OK", "what is no UTF-8 is replaced on the way in, and different names become one"),
            ("ERROR ERROR", "names that are no UTF-8 are refused"),
        ])
        .alone(),
    case("index/R8/1", R8, "A name of 255 bytes is taken.")
        .cause("Names are kept in a field of fixed size, or their length is checked too strictly.")
        .steps(&[
            ask(b"INDEX|{a:255}|\n", OK),
            ask(b"INDEX|{b}|{a:255}\n", OK),
            ask(b"REMOVE|{a:255}|\n", FAIL),
        ]),
    case("index/R8/2", R8, "A list of 1,000 dependencies is read as a request.")
        .cause("The length of a list is limited, or the line's length is.")
        .steps(&[ask(b"INDEX|{a}|{b*1000}\n", OK_OR_FAIL), ask(b"QUERY|{a}|\n", OK_OR_FAIL)]),
    case("index/R8/3", R8, "A list of 1,000 dependencies is looked at to its end, and kept whole.")
        .cause("The list is cut without a word.")
        .steps(&[
            Join(25, b"QUERY|{b}.{n}|\n", FAIL),
            AllAsk(25, 40, b"INDEX|{b}.{n}|\n", OK),
            ask(b"INDEX|{a}|{b*999},{c}\n", FAIL),
            ask(b"INDEX|{a}|{b*1000}\n", OK),
            ask(b"REMOVE|{b}.999|\n", FAIL),
            ask(b"REMOVE|{b}.500|\n", FAIL),
            ask(b"REMOVE|{a}|\n", OK),
            AllAsk(25, 40, b"REMOVE|{b}.{n}|\n", OK),
        ])
        .runs(Runs::WithPace(12_000)),
    case("index/R9/1", R9, "A name of 100 bytes is taken.")
        .cause("Names are kept in a field of fixed size, or their length is checked too strictly.")
        .steps(&[ask(b"INDEX|{a:100}|\n", OK), ask(b"QUERY|{a:100}|\n", OK), ask(b"QUERY|{a:99}|\n", FAIL)]),
    case("index/R9/2", R9, "Capitals, small letters, digits and @ + . _ - are taken in a name.")
        .cause("Names are checked against a pattern that knows too few characters.")
        .steps(&[
            ask(b"INDEX|{a}ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789|\n", OK),
            ask(b"INDEX|{a}@2.1|\n", OK),
            ask(b"INDEX|{a}++_-.+|\n", OK),
            ask(b"INDEX|+@._-{a}|\n", OK),
            ask(b"INDEX|7{a}|\n", OK),
            ask(b"QUERY|{a}++_-.+|\n", OK),
        ]),
    case("index/R9/3", R9, "Case counts: names that differ in it are two packages.")
        .cause("Names are folded to small letters, or the table ignores case.")
        .steps(&[
            ask(b"INDEX|{a}Lib|\n", OK),
            ask(b"QUERY|{a}lib|\n", FAIL),
            ask(b"INDEX|{b}|{a}LIB\n", FAIL),
        ]),
    case(
        "index/R9/4",
        R9,
        "The whole name counts: names of 100 bytes that differ in the last are two packages.",
    )
    .cause("Names are cut to the size of a field.")
    .steps(&[
        ask(b"INDEX|{a:99}1|\n", OK),
        ask(b"QUERY|{a:99}2|\n", FAIL),
        ask(b"INDEX|{b}|{a:99}2\n", FAIL),
    ]),
    case("index/R9/5", R9, "A name and its beginning are two packages.")
        .cause("Names are compared by their beginning only, or cut at some character.")
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
    case("index/R9/6", R9, "Names of the same letters in another order are two packages.")
        .cause("Names are compared by a sum of their bytes.")
        .steps(&[ask(b"INDEX|{a}xy|\n", OK), ask(b"QUERY|{a}yx|\n", FAIL), ask(b"INDEX|{b}|{a}yx\n", FAIL)]),
    case("index/R9/7", R9, "Names that have the same common hash of 32 bits are two packages.")
        .cause("Names are compared by a hash of 32 bits instead of their bytes.")
        .steps(&[
            ask(b"INDEX|{a}AaBB|\n", OK),
            ask(b"QUERY|{a}BBAa|\n", FAIL),
            ask(b"QUERY|{a}B@BB|\n", FAIL),
            ask(b"QUERY|{a}AaAa|\n", FAIL),
        ]),
    case("index/R9/8", R9, "Sixty names are in, and sixty others are not.")
        .cause("Names are compared by a short hash instead of their bytes.")
        .steps(&[
            Join(10, b"QUERY|{b}{r}|\n", FAIL),
            AllAsk(10, 6, b"INDEX|{a}{r}|\n", OK),
            AllAsk(10, 6, b"QUERY|{b}{r}|\n", FAIL),
            AllAsk(10, 6, b"QUERY|{a}{r}|\n", OK),
        ]),
    case("index/R9/9", R9, "Numbers in names are text: leading zeros count.")
        .cause("Names or parts of them are read as numbers.")
        .steps(&[
            ask(b"INDEX|{a}-07|\n", OK),
            ask(b"QUERY|{a}-7|\n", FAIL),
            ask(b"QUERY|{a}-07|\n", OK_OR_FAIL),
        ]),
    case("index/R9/10", R9, "A dash, an underscore, a dot and a plus in the same place make four packages.")
        .cause("Names are brought into a common form, as some package managers do.")
        .steps(&[
            ask(b"INDEX|{a}-x|\n", OK),
            ask(b"QUERY|{a}_x|\n", FAIL),
            ask(b"QUERY|{a}.x|\n", FAIL),
            ask(b"QUERY|{a}+x|\n", FAIL),
        ]),
    // The one case whose names are not its own: like the replay it takes them out first, and it never puts them in.
    case("index/R9/11", R9, "A word that means something to the server's language is a name like any other.")
        .cause("The index is a plain object that is born with members of such names, as in JavaScript.")
        .steps(&[
            ask(b"QUERY|toString|\n", FAIL),
            ask(b"QUERY|hasOwnProperty|\n", FAIL),
            ask(b"QUERY|__proto__|\n", FAIL),
        ])
        .alone(),
];
