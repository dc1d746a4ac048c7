//! Cases S3 to S8: removing packages, querying them, indexing them again, and cycles.

use conformance::case::Step::{AllAsk, Join};
use conformance::case::{ANY, Case, FAIL, FAIL_OR_ERROR, OBSERVED, OK, Runs, ask, case};
use protocol::index::clauses::{S3, S4, S5, S6, S7, S8};

pub(super) const CASES: &[Case] = &[
    case(
        "index/S3/1",
        S3,
        "REMOVE is answered FAIL while another package lists the package, which stays indexed.",
    )
    .cause("The server does not check for dependents, or removes the package before the check.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|{b}\n", OK),
        ask(b"REMOVE|{b}|\n", FAIL),
        ask(b"QUERY|{b}|\n", OK),
        ask(b"QUERY|{a}|\n", OK),
    ]),
    case("index/S3/2", S3, "REMOVE is answered OK when no package lists the package any longer.")
        .cause("The server keeps the edges of a removed package.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
            ask(b"QUERY|{b}|\n", FAIL),
        ]),
    case(
        "index/S3/3",
        S3,
        "A package with two dependents stays indexed until both are removed, in either order.",
    )
    .cause("The server remembers only one dependent, or uses a flag instead of a count.")
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
    case("index/S3/4", S3, "REMOVE removes one package and no other.")
        .cause("The server also removes the dependencies or the dependents of the package.")
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
        "A refused REMOVE removes nothing: the dependents stay indexed and can be removed one \
             by one.",
    )
    .cause("REMOVE of a package also removes its dependents.")
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
        "A package with 1,024 dependents cannot be removed, nor with 1,023, nor with 32 of them.",
    )
    .cause("The server counts dependents in one byte, or stores a limited number of them.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        Join(32, b"QUERY|{a}n{n}|\n", FAIL),
        AllAsk(32, 32, b"INDEX|{a}n{n}|{b}\n", OK),
        ask(b"REMOVE|{b}|\n", FAIL),
        ask(b"REMOVE|{a}n0|\n", OK),
        ask(b"REMOVE|{b}|\n", FAIL),
        AllAsk(32, 31, b"REMOVE|{a}n{n}|\n", OK),
        ask(b"REMOVE|{b}|\n", FAIL),
        AllAsk(32, 1, b"REMOVE|{a}n{n~1023}|\n", OK),
        ask(b"REMOVE|{b}|\n", OK),
    ])
    .runs(Runs::WithPace(12_000))
    .alone(),
    case("index/S3/7", S3, "A REMOVE that is answered FAIL changes nothing, however often it is repeated.")
        .cause("The server deletes edges before it knows whether the package can be removed.")
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
    case("index/S3/8", S3, "A REMOVE with a list does not delete the edges of the listed packages.")
        .cause("The server treats the list of a REMOVE like the list of an INDEX.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{b}|{a}\n", FAIL_OR_ERROR),
            ask(b"REMOVE|{b}|\n", FAIL),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case(
        "index/S3/9",
        S3,
        "Whether or not a list may repeat a name, the package can be removed after its dependent.",
    )
    .cause("The server counts a dependency twice that a list repeats, and removes it once.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|{b},{b}\n", ANY),
        ask(b"REMOVE|{a}|\n", OK),
        ask(b"REMOVE|{b}|\n", OK),
        ask(b"QUERY|{b}|\n", FAIL),
    ]),
    case(
        "index/S3/10",
        S3,
        "Whether or not a list may contain empty names or blanks, its packages can be removed afterwards.",
    )
    .cause("The server stores edges under other names than those that it deletes.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|{b},,\n", ANY),
        ask(b"INDEX|{c}| {b} \n", ANY),
        ask(b"INDEX|{d}|,\n", ANY),
        ask(b"REMOVE|{d}|\n", OK),
        ask(b"REMOVE|{c}|\n", OK),
        ask(b"REMOVE|{a}|\n", OK),
        ask(b"REMOVE|{b}|\n", OK),
    ]),
    case(
        "index/S3/11",
        S3,
        "A package that lists itself cannot be removed while other packages list it, whichever was indexed first.",
    )
    .cause("To ignore the package among its own dependents, the server takes one from their number or ignores all of them.")
    .steps(&[
        ask(b"INDEX|{a}|\n", OK),
        ask(b"INDEX|{a}|{a}\n", ANY),
        ask(b"INDEX|{b}|{a}\n", OK),
        ask(b"REMOVE|{a}|\n", FAIL),
        ask(b"INDEX|{c}|{a}\n", OK),
        ask(b"REMOVE|{a}|\n", FAIL),
        ask(b"REMOVE|{b}|\n", OK),
        ask(b"REMOVE|{a}|\n", FAIL),
        ask(b"INDEX|{d}|\n", OK),
        ask(b"INDEX|{e}|{d}\n", OK),
        ask(b"INDEX|{d}|{d}\n", ANY),
        ask(b"REMOVE|{d}|\n", FAIL),
        ask(b"QUERY|{d}|\n", OK),
    ]),
    case(
        "index/S3/12",
        S3,
        "A package on which another depends only through an updated package can be removed.",
    )
    .cause("The server stores indirect dependencies at the time of INDEX and does not follow updates.")
    .presupposes(&["index/S2/2"])
    .steps(&[
        ask(b"INDEX|{c}|\n", OK),
        ask(b"INDEX|{b}|{c}\n", OK),
        ask(b"INDEX|{a}|{b}\n", OK),
        ask(b"REMOVE|{c}|\n", FAIL),
        ask(b"INDEX|{b}|\n", OK),
        ask(b"REMOVE|{c}|\n", OK),
        ask(b"REMOVE|{b}|\n", FAIL),
        ask(b"INDEX|{d}|\n", OK),
        ask(b"INDEX|{b}|{d}\n", OK),
        ask(b"INDEX|{b}|\n", OK),
        ask(b"REMOVE|{d}|\n", OK),
    ])
    .runs(Runs::InEdition(2)),
    case("index/S3/13", S3, "A second REMOVE of a package changes nothing: packages that others list cannot be removed.")
        .cause("The server takes one from the number of dependents of each dependency again.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"INDEX|{c}|{b}\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
            ask(b"REMOVE|{c}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
        ]),
    case("index/S4/1", S4, "REMOVE of a package that was never indexed is answered OK.")
        .cause("The server reports a missing package as a failure.")
        .steps(&[ask(b"REMOVE|{a}|\n", OK), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/S4/2", S4, "REMOVE of a package that was removed before is answered OK.")
        .cause("The server reports a missing package as a failure.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
        ]),
    case("index/S4/3", S4, "REMOVE of a package that appeared only in a refused list is answered OK.")
        .cause("The server stores the names of lists and treats them as packages that others need.")
        .steps(&[ask(b"INDEX|{a}|{b}\n", FAIL), ask(b"REMOVE|{b}|\n", OK), ask(b"REMOVE|{a}|\n", OK)]),
    case("index/S5/1", S5, "QUERY of a package that is not indexed is answered FAIL every time.")
        .cause("The lookup creates an entry for the package, as some tables do.")
        .steps(&[
            ask(b"QUERY|{a}|\n", FAIL),
            ask(b"QUERY|{a}|\n", FAIL),
            ask(b"INDEX|{b}|{a}\n", FAIL),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/S5/2", S5, "QUERY of an indexed package is answered OK and does not remove it.")
        .cause("The lookup removes the package.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"INDEX|{b}|{a}\n", OK),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/S5/3", S5, "QUERY of a removed package is answered FAIL.")
        .cause("The server marks a removed package and does not check the mark.")
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"REMOVE|{a}|\n", OK), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/S5/4", S5, "QUERY of a name that appeared only in a list is answered FAIL.")
        .cause("The server stores the names of lists and treats them as indexed.")
        .steps(&[ask(b"INDEX|{a}|{b}\n", FAIL), ask(b"QUERY|{b}|\n", FAIL), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/S5/5", S5, "QUERY with a list changes nothing: the listed packages can be removed.")
        .cause("The server stores the list before it checks the command.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUERY|{a}|{b}\n", ANY),
            ask(b"REMOVE|{b}|\n", OK),
            ask(b"QUERY|{b}|\n", FAIL),
        ]),
    case("index/S5/6", S5, "Beside a thousand indexed packages, QUERY of a thousand other names is answered FAIL.")
        .cause("QUERY is answered from a filter or a table of hashes, in which different names can be equal.")
        .steps(&[
            Join(25, b"QUERY|{a}n{n}|\n", FAIL),
            AllAsk(25, 40, b"INDEX|{a}n{n}|\n", OK),
            AllAsk(25, 40, b"QUERY|{b}n{n}|\n", FAIL),
            AllAsk(25, 40, b"QUERY|{a}n{n}|\n", OK),
            AllAsk(25, 40, b"REMOVE|{a}n{n}|\n", OK),
        ])
        .runs(Runs::WithPace(12_000)),
    case("index/S6/1", S6, "A package that lists itself after an update can be removed.")
        .cause("The server counts the package among its own dependents.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"INDEX|{a}|{a}\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case(
        "index/S6/2",
        S6,
        "A package that lists itself cannot be removed while another package lists it, and \
             can be removed afterwards.",
    )
    .cause(
        "The server counts the package among its own dependents, or deletes other edges \
             together with its own.",
    )
    .presupposes(&["index/S3/11"])
    .steps(&[
        ask(b"INDEX|{a}|\n", OK),
        ask(b"INDEX|{b}|{a}\n", OK),
        ask(b"INDEX|{a}|{a}\n", OK),
        ask(b"REMOVE|{a}|\n", FAIL),
        ask(b"REMOVE|{b}|\n", OK),
        ask(b"REMOVE|{a}|\n", OK),
    ]),
    case(
        "index/S7/1",
        S7,
        "A package that was removed and indexed again without a list has no dependencies.",
    )
    .cause("The server keeps the old list with the name and applies it again.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|{b}\n", OK),
        ask(b"REMOVE|{a}|\n", OK),
        ask(b"INDEX|{a}|\n", OK),
        ask(b"REMOVE|{b}|\n", OK),
    ]),
    case(
        "index/S7/2",
        S7,
        "A package that was removed is checked like a new package when it is indexed again.",
    )
    .cause("The server does not check the dependencies of a package that was indexed once.")
    .steps(&[
        ask(b"INDEX|{a}|\n", OK),
        ask(b"REMOVE|{a}|\n", OK),
        ask(b"INDEX|{a}|{b}\n", FAIL),
        ask(b"QUERY|{a}|\n", FAIL),
    ]),
    case("index/S7/3", S7, "A package that was removed and indexed again has only its new list.")
        .cause("The server adds the new list to the old one.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            ask(b"INDEX|{a}|{c}\n", OK),
            ask(b"REMOVE|{c}|\n", FAIL),
            ask(b"REMOVE|{b}|\n", OK),
        ]),
    case(
        "index/S8/1",
        S8,
        "Observes whether an update may close a cycle, and whether its packages can then be \
             removed.",
    )
    .steps(&[
        ask(b"INDEX|{a}|\n", OK),
        ask(b"INDEX|{b}|{a}\n", OK),
        ask(b"INDEX|{a}|{b}\n", OBSERVED),
        ask(b"REMOVE|{a}|\n", OBSERVED),
        ask(b"REMOVE|{b}|\n", OBSERVED),
    ])
    .means(&[
        ("OK FAIL FAIL", "an update may close a cycle, and its packages cannot be removed then"),
        ("FAIL FAIL OK", "the server refuses an update that would close a cycle"),
    ]),
];
