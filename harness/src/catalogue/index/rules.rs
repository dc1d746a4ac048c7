//! S1 to S8: what the index lets in and out.

use conformance::case::Step::{AllAsk, Join};
use conformance::case::{ANY, Case, FAIL, FAIL_OR_ERROR, OBSERVED, OK, Runs, ask, case};
use protocol::index::clauses::{S1, S2, S3, S4, S5, S6, S7, S8};

pub(super) const CASES: &[Case] = &[
    case(
        "index/S1/1",
        S1,
        "INDEX is answered FAIL while a dependency is not indexed, and the package stays out.",
    )
    .cause("Dependencies are not looked at, or the package is stored before they are.")
    .steps(&[
        ask(b"INDEX|{a}|{b}\n", FAIL),
        ask(b"QUERY|{a}|\n", FAIL),
        ask(b"QUERY|{b}|\n", FAIL),
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|{b}\n", OK),
        ask(b"QUERY|{a}|\n", OK),
    ]),
    case(
        "index/S1/2",
        S1,
        "One dependency that is not indexed is enough for FAIL, wherever it stands in the list.",
    )
    .cause("Only the first, the last, or any one of the dependencies is looked at.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{c}|\n", OK),
        ask(b"INDEX|{a}|{b},{c},{d}\n", FAIL),
        ask(b"INDEX|{a}|{b},{d},{c}\n", FAIL),
        ask(b"INDEX|{a}|{d},{b},{c}\n", FAIL),
        ask(b"QUERY|{a}|\n", FAIL),
        ask(b"INDEX|{a}|{b},{c}\n", OK),
    ]),
    case(
        "index/S1/3",
        S1,
        "An INDEX that is answered FAIL leaves nothing behind: its dependencies can be removed.",
    )
    .cause("Edges are noted while the list is gone through, and not taken back.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|{b},{c}\n", FAIL),
        ask(b"REMOVE|{b}|\n", OK),
        ask(b"QUERY|{b}|\n", FAIL),
    ]),
    case("index/S1/4", S1, "A dependency that was refused itself is not indexed.")
        .cause("A refused package is kept, and looks indexed to others.")
        .steps(&[ask(b"INDEX|{b}|{c}\n", FAIL), ask(b"INDEX|{a}|{b}\n", FAIL), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/S1/5", S1, "A dependency that was removed is not indexed any more.")
        .cause("What was indexed once is remembered for ever.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", FAIL),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/S1/6", S1, "In a list of a hundred dependencies the last one counts too.")
        .cause("The list is cut at a number that seemed large enough.")
        .steps(&[
            Join(10, b"QUERY|{b}.{n}|\n", FAIL),
            AllAsk(10, 10, b"INDEX|{b}.{n}|\n", OK),
            ask(b"INDEX|{a}|{b*100},{c}\n", FAIL),
            ask(b"INDEX|{a}|{b*100}\n", OK),
            ask(b"REMOVE|{b}.99|\n", FAIL),
            ask(b"REMOVE|{a}|\n", OK),
            AllAsk(10, 10, b"REMOVE|{b}.{n}|\n", OK),
        ]),
    case("index/S1/7", S1, "A first INDEX that lists the package itself is answered FAIL.")
        .cause("The package is stored before its dependencies are looked at.")
        .steps(&[ask(b"INDEX|{a}|{a}\n", FAIL), ask(b"QUERY|{a}|\n", FAIL), ask(b"REMOVE|{a}|\n", OK)]),
    case("index/S1/8", S1, "The rules hold with 12,000 packages in the index.")
        .cause("Something overflows, or is given up, when the index is large.")
        .steps(&[
            Join(100, b"QUERY|{b}.{n}|\n", FAIL),
            AllAsk(100, 120, b"INDEX|{b}.{n}|\n", OK),
            AllAsk(1, 1, b"INDEX|{a}|{b}.0,{b}.11999,{c}\n", FAIL),
            AllAsk(1, 1, b"INDEX|{a}|{b}.0,{b}.11999\n", OK),
            AllAsk(1, 1, b"REMOVE|{b}.11999|\n", FAIL),
            AllAsk(1, 1, b"REMOVE|{a}|\n", OK),
            AllAsk(100, 120, b"REMOVE|{b}.{n}|\n", OK),
        ])
        .runs(Runs::WithPace(24_000))
        .alone(),
    case(
        "index/S1/9",
        S1,
        "An INDEX that was answered FAIL is over: it is not done later, and its list is forgotten.",
    )
    .cause("What could not be done is kept, and done when the dependency arrives.")
    .steps(&[
        ask(b"INDEX|{a}|{b},{c}\n", FAIL),
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{c}|\n", OK),
        ask(b"QUERY|{a}|\n", FAIL),
        ask(b"INDEX|{a}|\n", OK),
        ask(b"REMOVE|{b}|\n", OK),
        ask(b"REMOVE|{c}|\n", OK),
    ]),
    case("index/S2/1", S2, "INDEX of an indexed package with the same list is answered OK.")
        .cause("What is there already is refused.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
        ]),
    case(
        "index/S2/2",
        S2,
        "A new list takes the place of the old one: what is not on it any more can be removed.",
    )
    .cause("The new list is added to the old one, or the old one's edges are not taken back.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{c}|\n", OK),
        ask(b"INDEX|{a}|{b}\n", OK),
        ask(b"INDEX|{a}|{c}\n", OK),
        ask(b"REMOVE|{b}|\n", OK),
        ask(b"REMOVE|{c}|\n", FAIL),
    ]),
    case("index/S2/3", S2, "A new list takes the place of the old one: what is new on it cannot be removed.")
        .cause("INDEX of an indexed package says OK and does nothing.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
        ]),
    case("index/S2/4", S2, "An update is answered FAIL while a new dependency is not indexed.")
        .cause("The early edition of the protocol said OK here; or only new packages are checked.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"INDEX|{a}|{b}\n", FAIL), ask(b"QUERY|{a}|\n", OK)]),
    case("index/S2/5", S2, "An update that is answered FAIL leaves the package and its old list.")
        .cause("The package or its list is taken out before the new list is checked.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"INDEX|{a}|{c}\n", FAIL),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
        ]),
    case("index/S2/6", S2, "An update that is answered FAIL takes nothing of the new list.")
        .cause("The new list is stored, or its edges are noted, before it is checked.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"INDEX|{a}|{b},{c}\n", FAIL),
            ask(b"REMOVE|{b}|\n", OK),
        ]),
    case("index/S2/7", S2, "An update with an empty list frees all that was on the old one.")
        .cause("An empty list is taken for no change.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{a}|{b},{c}\n", OK),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
            ask(b"REMOVE|{c}|\n", OK),
        ]),
    case("index/S2/8", S2, "An update leaves alone who depends on the package.")
        .cause("The package is removed and put in anew, and what was noted of it is lost.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"INDEX|{c}|{a}\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{a}|\n", FAIL),
            ask(b"REMOVE|{c}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
        ]),
    case("index/S2/9", S2, "A second update and a third are like the first.")
        .cause("Whether a package is there already is decided by something that the first update changes.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{d}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"INDEX|{a}|{c}\n", OK),
            ask(b"INDEX|{a}|{d}\n", OK),
            ask(b"INDEX|{a}|{e}\n", FAIL),
            ask(b"REMOVE|{b}|\n", OK),
            ask(b"REMOVE|{c}|\n", OK),
            ask(b"REMOVE|{d}|\n", FAIL),
        ]),
    case("index/S2/10", S2, "An update with a shorter list leaves alone who depends on the package.")
        .cause("Taking back the old edges takes back more than the package's own.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{a}|{b},{c}\n", OK),
            ask(b"INDEX|{d}|{a},{c}\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{a}|\n", FAIL),
            ask(b"REMOVE|{b}|\n", FAIL),
            ask(b"REMOVE|{c}|\n", FAIL),
        ]),
    case("index/S3/1", S3, "REMOVE is answered FAIL while another package lists it, and it stays in.")
        .cause("Nobody looks who depends on a package, or it is removed before that.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
            ask(b"QUERY|{b}|\n", OK),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/S3/2", S3, "REMOVE is answered OK when nobody lists the package any more.")
        .cause("The edges of a removed package stay behind.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
            ask(b"QUERY|{b}|\n", FAIL),
        ]),
    case("index/S3/3", S3, "While one of two dependents is left, the package stays; whichever goes first.")
        .cause("Only one dependent is remembered, or a flag is kept where a count is needed.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{c}|{b}\n", OK),
            ask(b"INDEX|{d}|{b}\n", OK),
            ask(b"REMOVE|{d}|\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
            ask(b"INDEX|{d}|{b}\n", OK),
            ask(b"REMOVE|{c}|\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
            ask(b"REMOVE|{d}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
        ]),
    case("index/S3/4", S3, "REMOVE takes out the one package and nothing else.")
        .cause("What the package depends on, or what depends on it, is taken along.")
        .steps(&[
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{b}|{c}\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"QUERY|{a}|\n", FAIL),
            ask(b"QUERY|{b}|\n", OK),
            ask(b"QUERY|{c}|\n", OK),
        ]),
    case(
        "index/S3/5",
        S3,
        "A refused REMOVE takes nothing along either: the dependents stay, and go one by one.",
    )
    .cause("REMOVE of a package removes those that depend on it.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{c}|{b}\n", OK),
        ask(b"INDEX|{a}|{b},{c}\n", OK),
        ask(b"REMOVE|{b}|\n", FAIL),
        ask(b"REMOVE|{c}|\n", FAIL),
        ask(b"QUERY|{a}|\n", OK),
        ask(b"REMOVE|{a}|\n", OK),
        ask(b"REMOVE|{c}|\n", OK),
        ask(b"REMOVE|{b}|\n", OK),
    ]),
    case(
        "index/S3/6",
        S3,
        "A package with 1,024 dependents cannot be removed, nor with one less, nor with 32 of them.",
    )
    .cause("Dependents are counted in a byte, or only so many are kept.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        Join(32, b"QUERY|{a}.{n}|\n", FAIL),
        AllAsk(32, 32, b"INDEX|{a}.{n}|{b}\n", OK),
        ask(b"REMOVE|{b}|\n", FAIL),
        ask(b"REMOVE|{a}.0|\n", OK),
        ask(b"REMOVE|{b}|\n", FAIL),
        AllAsk(32, 31, b"REMOVE|{a}.{n}|\n", OK),
        ask(b"REMOVE|{b}|\n", FAIL),
        AllAsk(32, 1, b"REMOVE|{a}.{n~1023}|\n", OK),
        ask(b"REMOVE|{b}|\n", OK),
    ])
    .runs(Runs::WithPace(12_000))
    .alone(),
    case("index/S3/7", S3, "A REMOVE that is answered FAIL changes nothing, however often it is tried.")
        .cause("Edges are taken back before it is known whether the package may go.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"INDEX|{c}|{a}\n", OK),
            ask(b"INDEX|{d}|{a}\n", OK),
            ask(b"REMOVE|{a}|\n", FAIL),
            ask(b"REMOVE|{a}|\n", FAIL),
            ask(b"REMOVE|{a}|\n", FAIL),
            ask(b"REMOVE|{b}|\n", FAIL),
            ask(b"REMOVE|{c}|\n", OK),
            ask(b"REMOVE|{a}|\n", FAIL),
            ask(b"REMOVE|{d}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
        ]),
    case("index/S3/8", S3, "A REMOVE with a list does not take the edges on the list away.")
        .cause("The list of a REMOVE is handled like that of an INDEX.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{b}|{a}\n", FAIL_OR_ERROR),
            ask(b"REMOVE|{b}|\n", FAIL),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/S4/1", S4, "REMOVE of a package that was never indexed is answered OK.")
        .cause("What is not there is reported as a failure.")
        .steps(&[ask(b"REMOVE|{a}|\n", OK), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/S4/2", S4, "REMOVE of a package that was removed is answered OK.")
        .cause("What is not there is reported as a failure.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
        ]),
    case(
        "index/S4/3",
        S4,
        "REMOVE of a package that was only named in a list that was refused is answered OK.",
    )
    .cause("Names in lists are stored, and look like packages that somebody needs.")
    .steps(&[ask(b"INDEX|{a}|{b}\n", FAIL), ask(b"REMOVE|{b}|\n", OK), ask(b"REMOVE|{a}|\n", OK)]),
    case("index/S5/1", S5, "QUERY of a package that is not indexed is answered FAIL, again and again.")
        .cause("Looking a package up makes an entry for it, as some tables do.")
        .steps(&[
            ask(b"QUERY|{a}|\n", FAIL),
            ask(b"QUERY|{a}|\n", FAIL),
            ask(b"INDEX|{b}|{a}\n", FAIL),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/S5/2", S5, "QUERY of an indexed package is answered OK and leaves it in.")
        .cause("Looking a package up takes it out.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"INDEX|{b}|{a}\n", OK),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/S5/3", S5, "QUERY of a package that was removed is answered FAIL.")
        .cause("A removed package is marked, and the mark is not looked at.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"REMOVE|{a}|\n", OK), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/S5/4", S5, "QUERY of a name that is only known from a list is answered FAIL.")
        .cause("Names in lists are stored, and look indexed.")
        .steps(&[ask(b"INDEX|{a}|{b}\n", FAIL), ask(b"QUERY|{b}|\n", FAIL), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/S5/5", S5, "QUERY with a list changes nothing: what is on the list can be removed.")
        .cause("A list is stored before the command is looked at.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUERY|{a}|{b}\n", ANY),
            ask(b"REMOVE|{b}|\n", OK),
            ask(b"QUERY|{b}|\n", FAIL),
        ]),
    case("index/S6/1", S6, "A package that lists itself since an update can be removed.")
        .cause("The package itself is counted among its dependents.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"INDEX|{a}|{a}\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case(
        "index/S6/2",
        S6,
        "A package that lists itself is kept in by another that lists it, and only by that.",
    )
    .cause("The package itself is counted among its dependents, or its edges are lost with its own.")
    .steps(&[
        ask(b"INDEX|{a}|\n", OK),
        ask(b"INDEX|{b}|{a}\n", OK),
        ask(b"INDEX|{a}|{a}\n", OK),
        ask(b"REMOVE|{a}|\n", FAIL),
        ask(b"REMOVE|{b}|\n", OK),
        ask(b"REMOVE|{a}|\n", OK),
    ]),
    case("index/S7/1", S7, "A package that was removed and is indexed again without a list holds nothing.")
        .cause("The old list is kept with the name, and is in force again.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
        ]),
    case("index/S7/2", S7, "A package that was removed and is indexed again is checked like a new one.")
        .cause("What was indexed once is let in without a look at its dependencies.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", FAIL),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/S7/3", S7, "A package that was removed and is indexed again holds its new list only.")
        .cause("The new list is added to the old one.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"INDEX|{a}|{c}\n", OK),
            ask(b"REMOVE|{c}|\n", FAIL),
            ask(b"REMOVE|{b}|\n", OK),
        ]),
    case("index/S8/1", S8, "Whether an update may close a ring, and what becomes of it.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"INDEX|{b}|{a}\n", OK),
            ask(b"INDEX|{a}|{b}\n", OBSERVED),
            ask(b"REMOVE|{a}|\n", OBSERVED),
            ask(b"REMOVE|{b}|\n", OBSERVED),
        ])
        .means(&[
            ("OK FAIL FAIL", "an update may close a ring, and none of it can be removed then"),
            ("FAIL FAIL OK", "an update that would close a ring is refused"),
        ]),
];
