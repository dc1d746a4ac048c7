//! Cases S1 and S2: indexing a package and updating its list.

use conformance::case::Step::{AllAsk, Join};
use conformance::case::{Case, FAIL, OK, Runs, ask, case};
use protocol::index::clauses::{S1, S2};

pub(super) const CASES: &[Case] = &[
    case(
        "index/S1/1",
        S1,
        "INDEX is answered FAIL while a dependency is not indexed, and the package is not \
             indexed.",
    )
    .cause("The server does not check dependencies, or stores the package before it checks them.")
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
        "One dependency that is not indexed causes FAIL, whatever its position in the list.",
    )
    .cause("The server checks only the first, only the last, or any one of the dependencies.")
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
        "An INDEX that is answered FAIL changes nothing: its dependencies can be removed.",
    )
    .cause("The server stores edges while it checks the list and does not undo them.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|{b},{c}\n", FAIL),
        ask(b"REMOVE|{b}|\n", OK),
        ask(b"QUERY|{b}|\n", FAIL),
    ]),
    case("index/S1/4", S1, "A dependency whose own INDEX was answered FAIL is not indexed.")
        .cause("The server keeps the refused package, and other packages see it as indexed.")
        .steps(&[ask(b"INDEX|{b}|{c}\n", FAIL), ask(b"INDEX|{a}|{b}\n", FAIL), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/S1/5", S1, "A dependency that was removed is not indexed.")
        .cause("The server never forgets that a package was indexed once.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", FAIL),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/S1/6", S1, "In a list of a hundred dependencies, the last one is checked too.")
        .cause("The server truncates the list at a fixed number of names.")
        .steps(&[
            Join(10, b"QUERY|{b}n{n}|\n", FAIL),
            AllAsk(10, 10, b"INDEX|{b}n{n}|\n", OK),
            ask(b"INDEX|{a}|{b*100},{c}\n", FAIL),
            ask(b"INDEX|{a}|{b*100}\n", OK),
            ask(b"REMOVE|{b}n99|\n", FAIL),
            ask(b"REMOVE|{a}|\n", OK),
            AllAsk(10, 10, b"REMOVE|{b}n{n}|\n", OK),
        ]),
    case("index/S1/7", S1, "The first INDEX of a package that lists itself is answered FAIL.")
        .cause("The server stores the package before it checks its dependencies.")
        .steps(&[ask(b"INDEX|{a}|{a}\n", FAIL), ask(b"QUERY|{a}|\n", FAIL), ask(b"REMOVE|{a}|\n", OK)]),
    case("index/S1/8", S1, "The rules hold while the index contains 12,000 packages.")
        .cause("A counter or table overflows, or the server applies a limit, when the index is large.")
        .steps(&[
            Join(100, b"QUERY|{b}n{n}|\n", FAIL),
            AllAsk(100, 120, b"INDEX|{b}n{n}|\n", OK),
            AllAsk(1, 1, b"INDEX|{a}|{b}n0,{b}n11999,{c}\n", FAIL),
            AllAsk(1, 1, b"INDEX|{a}|{b}n0,{b}n11999\n", OK),
            AllAsk(1, 1, b"REMOVE|{b}n11999|\n", FAIL),
            AllAsk(1, 1, b"REMOVE|{a}|\n", OK),
            AllAsk(100, 120, b"REMOVE|{b}n{n}|\n", OK),
        ])
        .runs(Runs::WithPace(24_000))
        .alone(),
    case(
        "index/S1/9",
        S1,
        "An INDEX that was answered FAIL takes no effect later, and its list is forgotten.",
    )
    .cause("The server keeps the refused request and executes it when the dependency is indexed.")
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
        .cause("The server refuses INDEX of a package that is already indexed.")
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
        "A new list replaces the old one: a package that is no longer listed can be removed.",
    )
    .cause(
        "The server adds the new list to the old one, or does not delete the edges of the old \
             list.",
    )
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{c}|\n", OK),
        ask(b"INDEX|{a}|{b}\n", OK),
        ask(b"INDEX|{a}|{c}\n", OK),
        ask(b"REMOVE|{b}|\n", OK),
        ask(b"REMOVE|{c}|\n", FAIL),
    ])
    .runs(Runs::InEdition(2)),
    case(
        "index/S2/3",
        S2,
        "A new list replaces the old one: a package that is newly listed cannot be removed.",
    )
    .cause("The server answers OK to INDEX of an indexed package and ignores the new list.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|\n", OK),
        ask(b"INDEX|{a}|{b}\n", OK),
        ask(b"REMOVE|{b}|\n", FAIL),
    ])
    .runs(Runs::InEdition(2)),
    case("index/S2/4", S2, "An update is answered FAIL while a new dependency is not indexed.")
        .cause(
            "The server follows the early edition of the protocol, which said only OK here, or it \
             checks only new packages.",
        )
        .steps(&[ask(b"INDEX|{a}|\n", OK), ask(b"INDEX|{a}|{b}\n", FAIL), ask(b"QUERY|{a}|\n", OK)])
        .runs(Runs::InEdition(2)),
    case("index/S2/5", S2, "An update that is answered FAIL keeps the package and its old list.")
        .cause("The server removes the package or its list before it checks the new list.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"INDEX|{a}|{c}\n", FAIL),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
        ])
        .runs(Runs::InEdition(2)),
    case("index/S2/6", S2, "An update that is answered FAIL stores nothing of the new list.")
        .cause("The server stores the new list or its edges before it checks them.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"INDEX|{a}|{b},{c}\n", FAIL),
            ask(b"REMOVE|{b}|\n", OK),
        ])
        .runs(Runs::InEdition(2)),
    case("index/S2/7", S2, "An update with an empty list releases every package on the old list.")
        .cause("The server treats an empty list as no change.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{c}|\n", OK),
            ask(b"INDEX|{a}|{b},{c}\n", OK),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
            ask(b"REMOVE|{c}|\n", OK),
        ])
        .runs(Runs::InEdition(2)),
    case("index/S2/8", S2, "An update does not change which packages depend on the updated package.")
        .cause("The server removes and adds the package again, and loses its dependents.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"INDEX|{c}|{a}\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"REMOVE|{a}|\n", FAIL),
            ask(b"REMOVE|{c}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
        ]),
    case("index/S2/9", S2, "A second and a third update follow the same rules as the first.")
        .cause(
            "The first update changes the state by which the server decides whether a package is \
             indexed.",
        )
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
        ])
        .runs(Runs::InEdition(2)),
    case(
        "index/S2/10",
        S2,
        "An update with a shorter list does not change which packages depend on the updated \
             package.",
    )
    .cause("The server deletes more edges than those of the package itself.")
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
];
