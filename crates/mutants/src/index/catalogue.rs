//! The mutants of the package index: name, violated clause, mark and wrong behaviour.

use protocol::index::clauses;

use crate::table::{self, mutants};

/// The defect of an index server, or none.
pub(super) type Defects = table::Defects<Defect>;

mutants! {
    // INDEX: the check of the dependencies.
    NoDependencyCheck "no-dependency-check" S1: "INDEX replies OK without checking its dependencies";
    ChecksFirstDependencyOnly "checks-first-dependency-only" S1: "INDEX checks only the first dependency";
    ChecksLastDependencyOnly "checks-last-dependency-only" S1: "INDEX checks only the last dependency";
    OneDependencyIsEnough "one-dependency-is-enough" S1: "INDEX replies OK if any dependency is indexed";
    FailedIndexIsKept "failed-index-is-kept" S1: "INDEX replies FAIL but indexes the package";
    FailedIndexLeavesEdges "failed-index-leaves-edges" S1:
        "a first INDEX that fails still blocks the removal of its indexed dependencies";
    ListCutAt64 "list-cut-at-64" S1: "INDEX checks and stores only the first 64 dependencies";
    SelfDependencyTaken "self-dependency-taken" S1: "a first INDEX may list the package itself";
    // The npm registry refuses a name for 24 hours after its removal.
    RemovedNameBlocked "removed-name-blocked" S7:
        "INDEX of a package that was removed less than 100 ms ago replies FAIL";

    // REMOVE: the check of the dependents, and the change.
    RemoveIgnoresDependents "remove-ignores-dependents" S3:
        "REMOVE replies OK although other packages depend on the package";
    RemembersOneDependent "remembers-one-dependent" S3: "the index stores only the latest dependent of a package";
    FailedRemoveRemoves "failed-remove-removes" S3: "REMOVE replies FAIL but removes the package";
    RemoveTakesDependentsAlong "remove-takes-dependents-along" S3:
        "REMOVE replies OK and also removes all dependents";
    RemoveTakesDependenciesAlong "remove-takes-dependencies-along" S3:
        "REMOVE also removes dependencies that no other package lists";
    RemoveDoesNothing "remove-does-nothing" S3: "REMOVE replies OK and leaves the package indexed";
    DependentsCountedInAByte "dependents-counted-in-a-byte" S3:
        "the count of dependents overflows: 256 dependents count as none";
    EdgesLeftBehind "edges-left-behind" S3:
        "a removed package still blocks the removal of its dependencies";
    // A count of references that a repeated request decrements again.
    SecondRemoveReleasesAgain "second-remove-releases-again" S3:
        "a second REMOVE of a package makes each of its former dependencies lose another dependent";
    FailedRemoveReleasesDependencies "failed-remove-releases-dependencies" S3:
        "a REMOVE that fails makes the dependencies of the package removable";
    SelfDependencyHidesDependents "self-dependency-hides-dependents" S3:
        "a package that lists itself can be removed although other packages list it";
    // After `Vec::swap_remove`, the position of the moved element is out of date.
    DependentsInStaleSlots "dependents-in-stale-slots" S3:
        "removing a dependent moves the latest dependent into its place, where it is not found later";
    // `brew deps` prints closed lists.
    ClosureComputedAtIndex "closure-computed-at-index" S3:
        "indirect dependencies, as of the time of INDEX, cannot be removed";
    // pkgin, issue 15: an upgraded package loses the list of the packages that require it.
    UpdateForgetsDependents "update-forgets-dependents" S3:
        "an update of a package makes it removable although other packages list it";
    RemoveOfAbsentFails "remove-of-absent-fails" S4: "REMOVE of a package that is not indexed replies FAIL";
    RemoveOfAbsentIsAnError "remove-of-absent-is-an-error" S4:
        "REMOVE of a package that is not indexed replies ERROR";
    RemoveOfAbsentIndexes "remove-of-absent-indexes" S4:
        "REMOVE of a package that is not indexed replies OK and indexes it";
    RemoveOfNamedOnlyFails "remove-of-named-only-fails" S4:
        "REMOVE replies FAIL for a name that occurred only in a failed INDEX";

    // INDEX of an indexed or formerly indexed package.
    UpdateMerges "update-merges" S2: "an update adds its list to the old list";
    UpdateKeepsOldList "update-keeps-old-list" S2: "an update replies OK and keeps the old list";
    UpdateIsNotChecked "update-is-not-checked" S2: "an update stores its list without checking it";
    UpdateIsRefused "update-is-refused" S2: "INDEX of an indexed package replies FAIL";
    FailedUpdateDropsList "failed-update-drops-list" S2: "an update that fails empties the old list";
    FailedUpdateDropsPackage "failed-update-drops-package" S2: "an update that fails removes the package";
    FailedUpdateTakesNewList "failed-update-takes-new-list" S2: "an update that fails stores its list";
    UpdateLeavesOldEdges "update-leaves-old-edges" S2:
        "after an update the old dependencies still cannot be removed";
    // `self.list = list or self.list` in Python.
    UpdateToEmptyListIgnored "update-to-empty-list-ignored" S2:
        "an update with an empty list replies OK and keeps the old list";
    UpdateDropsSharedEdges "update-drops-shared-edges" S2:
        "after an update, dependencies that both the old and the new list contain can be removed";
    OldListReturns "old-list-returns" S7:
        "INDEX of a removed package adds the list that it had before its removal";
    RemovedPackageRemembered "removed-package-remembered" S7:
        "INDEX of a removed package does not check its dependencies";

    // QUERY, and cases that the rules leave open.
    QueryIndexes "query-indexes" S5: "QUERY of a package that is not indexed replies FAIL and indexes it";
    QueryRemoves "query-removes" S5: "QUERY of a package without dependents replies OK and removes it";
    QueryKnowsNames "query-knows-names" S5: "QUERY replies OK for names that occurred in a failed INDEX";
    QuerySaysError "query-says-error" S5: "QUERY of a package that is not indexed replies ERROR";
    QueryAsksABloomFilter "query-asks-a-bloom-filter" S5:
        "QUERY is answered from a Bloom filter of 4,096 counters";
    SelfDependencyBlocksRemove "self-dependency-blocks-remove" S6:
        "a package that lists itself cannot be removed";
    CyclesAreRefused "cycles-are-refused" S8: "an update that closes a cycle replies FAIL";
    RepeatedDependencyCountedTwice "repeated-dependency-counted-twice" S3:
        "a dependency listed twice cannot be removed after its dependent was removed";

    // One index for all clients.
    StatePerConnection "state-per-connection" C2: "each connection has its own index";
    SnapshotPerConnection "snapshot-per-connection" C2:
        "QUERY reads a snapshot from the start of the connection, plus the client's own changes";
    IndexVisibleAfterNextRequest "index-visible-after-next-request" C2:
        "other clients see a change only after the next request of the client that made it";
    // Negative caches, such as that of Maven.
    AbsenceCachedPerConnection "absence-cached-per-connection" C2:
        "for 500 ms after a QUERY that failed, the client does not see that another client indexes it";

    // Fields and commands.
    TwoFieldsTaken "two-fields-taken" R1: "a line with only two fields is accepted";
    FourFieldsTaken "four-fields-taken" R1: "a fourth field is ignored";
    ExtraSeparatorInList "extra-separator-in-list" R1:
        "separators after the second are part of the dependency list";
    EmptyLineIgnored "empty-line-ignored" R1: "an empty line gets no reply";
    // C's strtok.
    EmptyFieldsVanish "empty-fields-vanish" R1: "repeated separators count as one, and those at the start as none";
    CommandInAnyCase "command-in-any-case" R2: "commands in lower case are accepted";
    CommandByPrefix "command-by-prefix" R2: "a word that begins with a command is accepted";
    CommandAbbreviated "command-abbreviated" R2: "an abbreviation of a command is accepted";
    CommandTrimmed "command-trimmed" R2: "white space around a command is ignored";
    // A table of gperf without the comparison of the word that it finds.
    CommandByPerfectHash "command-by-perfect-hash" R2:
        "a word with the length and the first letter of a command is accepted";
    UnknownCommandFails "unknown-command-fails" R2: "an unknown command gets FAIL";
    EmptyCommandIsQuery "empty-command-is-query" R2: "an empty command is treated as QUERY";
    EmptyPackageTaken "empty-package-taken" R3: "an empty package name is accepted";
    EmptyPackageFails "empty-package-fails" R3: "an empty package name gets FAIL";
    EmptyPackageOnQueryFails "empty-package-on-query-fails" R3: "QUERY of an empty package name gets FAIL";
    MalformedTakesEffect "malformed-takes-effect" A2:
        "a line with more than three fields gets ERROR but takes effect";
    MalformedCloses "malformed-closes" A2: "a malformed line closes the connection without a reply";
    UnknownCommandRemoves "unknown-command-removes" A2:
        "an unknown command gets ERROR but takes effect as REMOVE";

    // Lists.
    WholeListIsOneName "whole-list-is-one-name" R4: "the whole list is one name: commas do not separate names";
    EmptyListRefused "empty-list-refused" R4: "INDEX with an empty list gets ERROR";
    ListPartedByDotsToo "list-parted-by-dots-too" R4: "dots separate names as commas do";
    LastDependencyDropped "last-dependency-dropped" R4: "the name after the last comma is ignored";
    LastByteOfListDropped "last-byte-of-list-dropped" R4: "the last byte of the list is ignored";
    DependencyOrderMatters "dependency-order-matters" R4: "a list that is not sorted gets ERROR";
    ListsOver500Refused "lists-over-500-refused" R8: "a list of more than 500 names gets ERROR";
    ListsCutAt512 "lists-cut-at-512" R8: "only the first 512 dependencies are read";
    EmptyDependencyIsMissing "empty-dependency-is-missing" R5:
        "an empty name in a list is a dependency that is not indexed";
    EmptyDependencyRefused "empty-dependency-refused" R5: "an empty name in a list gets ERROR";
    RepeatedDependencyRefused "repeated-dependency-refused" R5: "a list that repeats a name gets ERROR";
    DependencyNotTrimmed "dependency-not-trimmed" R5: "spaces around a dependency are part of its name";
    RemoveChecksItsList "remove-checks-its-list" R6:
        "REMOVE replies FAIL if a listed package is not indexed";
    QueryListRefused "query-list-refused" R6: "QUERY with a list gets ERROR";
    QueryChecksItsList "query-checks-its-list" R6: "QUERY replies FAIL if a listed package is not indexed";

    // Names.
    NamesFolded "names-folded" R9: "names are compared without regard to case";
    RemoveFoldsNames "remove-folds-names" R9:
        "REMOVE of a package that is not indexed removes one whose name differs only in case";
    NamesCutAt32 "names-cut-at-32" R9: "names are compared by their first 32 bytes";
    NamesComparedByChecksum "names-compared-by-checksum" R9: "names are compared by the sum of their bytes";
    NamesComparedByShortHash "names-compared-by-short-hash" R9: "names are compared by an FNV-1a hash of 8 bits";
    NamesComparedByJavaHash "names-compared-by-java-hash" R9: "names are compared by Java's 32-bit string hash";
    NamesByPrefix "names-by-prefix" R9: "QUERY replies OK if the package is a prefix of an indexed name";
    // YAML reads python@3.10 as version 3.1.
    VersionsComparedAsNumbers "versions-compared-as-numbers" R9:
        "a decimal number after the last '@' or '-' of a name is compared by its value";
    // fedora-packages, issue 68: the address of gcc-c++ names "gcc-c" and two spaces.
    PlusIsASpace "plus-is-a-space" R9: "'+' is decoded as a space, and spaces around dependencies are trimmed";
    PlusRefused "plus-refused" R9: "a name with '+' gets ERROR";
    NamesWithDotsRefused "names-with-dots-refused" R9: "a name with a dot gets ERROR";
    AtSignRefused "at-sign-refused" R9: "a name with '@' gets ERROR";
    DigitFirstRefused "digit-first-refused" R9: "a name that begins with a digit gets ERROR";
    DotEndsName "dot-ends-name" R9: "a name ends at its first dot";
    DashesAndUnderscoresAlike "dashes-and-underscores-alike" R9: "'-' and '_' are equal in names";
    TrailingSeparatorsTrimmed "trailing-separators-trimmed" R9: "separators at the end of a name are ignored";
    LeadingSeparatorsTrimmed "leading-separators-trimmed" R9: "separators at the beginning of a name are ignored";
    RepeatedSeparatorsJoined "repeated-separators-joined" R9: "a repeated separator in a name counts once";
    NamesFoldedAfter64 "names-folded-after-64" R9: "the case of letters after the 64th byte of a name is ignored";
    DotsRefused "dots-refused" R9: "the names '.' and '..' get ERROR";
    BornWithNames "born-with-names" R9:
        "toString and other members of every JavaScript object count as indexed";
    NamesOver64Refused "names-over-64-refused" R9: "a name of more than 64 bytes gets ERROR";
    NamesOver128Refused "names-over-128-refused" R8: "a name of more than 128 bytes gets ERROR";
    NamesTrimmed "names-trimmed" R7: "spaces around a package name are ignored";
    SpacesRefused "spaces-refused" R7: "a name with a space gets ERROR";
    Utf8Only "utf8-only" R7: "a name that is not UTF-8 gets ERROR";
    Utf8Lossy "utf8-lossy" R7: "all byte sequences that are not UTF-8 are equal in names";
    ControlBytesRefused "control-bytes-refused" R7: "a name with a control byte gets ERROR";
    EqualsSignRefused "equals-sign-refused" R7: "a name with '=' gets ERROR";

    // Framing.
    ReadIsALine "read-is-a-line" F2: "the bytes of one read are one request";
    LineOverTwoReadsLost "line-over-two-reads-lost" F2: "an incomplete line at the end of a read is discarded";
    SlowLineRefused "slow-line-refused" F2: "a line that takes more than 20 ms to arrive gets ERROR";
    // Python's str.splitlines.
    ControlBytesEndLines "control-bytes-end-lines" F2:
        "a vertical tab, a form feed, and the bytes 1C to 1E also end a line";
    FirstLineOfAReadOnly "first-line-of-a-read-only" F3: "only the first line of each read is processed";
    RepliesReversed "replies-reversed" F3: "replies to the lines of one read are sent in reverse order";
    EffectsReversed "effects-reversed" F3: "the lines of one read take effect in reverse order";
    RepliesJoined "replies-joined" F3: "consecutive equal replies to the lines of one read are sent once";
    EndOfStreamIsALine "end-of-stream-is-a-line" F4:
        "an incomplete line before the end of the stream takes effect and is answered";
    EndOfStreamTakesEffect "end-of-stream-takes-effect" F4:
        "an incomplete line before the end of the stream takes effect without a reply";
    HalfCloseDropsReplies "half-close-drops-replies" F5:
        "replies that are unsent when the client's end of stream arrives are discarded";
    LineLimit4096 "line-limit-4096" F6: "a line of more than 4,096 bytes gets ERROR";
    LongLineIgnored "long-line-ignored" F6: "a line longer than the limit gets no reply";
    LongLineInTwo "long-line-in-two" F6: "a line of more than 64 KiB is split into two requests";
    NoLineLimit "no-line-limit" F6 Chaos: "a line of any length is buffered and accepted";
    CarriageReturnDropped "carriage-return-dropped" F7: "a carriage return before the line end is ignored";
    CarriageReturnRefused "carriage-return-refused" F7: "a carriage return before the line end gets ERROR";

    // Replies.
    RepliesWithCarriageReturn "replies-with-carriage-return" A1: "replies end in CR LF";
    RepliesWithoutLineEnd "replies-without-line-end" A1: "replies have no line end";
    ReplyWithTrailingSpace "reply-with-trailing-space" A1: "replies have a space before the line end";
    ReplyWithNul "reply-with-nul" A1: "replies have a NUL byte after the line end";
    ReplyInLowerCase "reply-in-lower-case" A1: "replies are in lower case";
    ErrorSaysWhy "error-says-why" A1: "ERROR is followed by a reason";
    NeededPackageAnsweredTwice "needed-package-answered-twice" A1:
        "REMOVE of a package with dependents gets two replies";
    IndexAnsweredTwice "index-answered-twice" A1: "INDEX gets two replies";
    RemoveNotAnswered "remove-not-answered" A1: "REMOVE of a package that is not indexed gets no reply";
    PromptAfterReply "prompt-after-reply" A1: "each reply is followed by a prompt";
    Greeting "greeting" F1: "the server sends a greeting to each client";
    SaysGoodbye "says-goodbye" F1: "the server sends BYE when a client ends its stream after one request";
    SpeaksWhenIdle "speaks-when-idle" F1: "the server sends an unsolicited OK after 100 ms without input";
    // HTTP's 408 Request Timeout.
    TimeoutAnnounced "timeout-announced" F1 Slow: "a client that stalls within a line gets TIMEOUT and is dropped";

    // Connections.
    ClosesAfterError "closes-after-error" A3: "the connection is closed after an ERROR";
    ClosesAfterFail "closes-after-fail" A3: "the connection is closed after a FAIL";
    ClosesAfter2Fails "closes-after-2-fails" A3: "the connection is closed after its second FAIL";
    ClosesAfterEachReply "closes-after-each-reply" A3: "the connection is closed after each reply";
    ClosesAfter32Requests "closes-after-32-requests" A3: "the connection is closed after 32 requests";
    // Postfix, smtpd_hard_error_limit.
    ClosesAfter10Errors "closes-after-10-errors" A3: "the connection is closed after its tenth ERROR";
    IdleClientsDropped "idle-clients-dropped" A3: "a client that is idle for 200 ms between lines is dropped";
    OneClientAtATime "one-client-at-a-time" C1: "a client is accepted only after the previous client has left";
    FiftyClients "fifty-clients" C1: "the 51st client waits until another client leaves";
    SixtyClientsOthersRefused "sixty-clients-others-refused" C1:
        "while 60 clients are connected, each further connection is closed at once";
    ReadsFirstLineBeforeNextAccept "reads-first-line-before-next-accept" C1:
        "a client is accepted only after the first line of the previous client";
    LockHeldWhileWriting "lock-held-while-writing" C1: "a client that does not read its replies blocks all clients";
    HalfLineBlocksAll "half-line-blocks-all" C1: "an incomplete line of one client blocks all other clients";
    ServesSlowlyBesideIdleClients "serves-slowly-beside-idle-clients" C1 (Should):
        "with more than 20 open connections, each reply is delayed by 100 ms";
    ClientsShareABuffer "clients-share-a-buffer" A4: "all connections share one buffer for incomplete lines";
    ErrorClosesAll "error-closes-all" A4: "a malformed line closes all other connections";
    PanicPoisonsTheLock "panic-poisons-the-lock" A4:
        "after a line without a separator, no request is answered";
    PackagesOfALostClientGo "packages-of-a-lost-client-go" C3:
        "a reset connection removes the packages that its client indexed";
    LastIndexRolledBackAtClose "last-index-rolled-back-at-close" C3:
        "a package that the last request of a client indexed is removed when the client disconnects";
    HalfLineOfALostClientDone "half-line-of-a-lost-client-done" C3:
        "the incomplete line of a reset connection takes effect";
    KeepsStalledWriters "keeps-stalled-writers" C5 Slow: "a client that stalls within a line is never dropped";
    KeepsStalledReaders "keeps-stalled-readers" C5 Slow: "a client that reads no replies is never dropped";
    UnreadRepliesPileUp "unread-replies-pile-up" C5 Chaos: "unread replies are buffered without a bound";
    SmallBacklog "small-backlog" C6: "the listen backlog is 5, and each accept takes 5 ms";

    // Crashes.
    DiesOfAReset "dies-of-a-reset" C3: "a connection reset ends the server";
    DiesOfABrokenPipe "dies-of-a-broken-pipe" C3: "a reply to a client that has left ends the server";
    DiesOfAHalfLine "dies-of-a-half-line" C3: "an end of stream within a line ends the server";
    DiesOfBytesNotUtf8 "dies-of-bytes-not-utf8" A4: "a line that is not UTF-8 ends the server";
    DiesOfALongLine "dies-of-a-long-line" A4: "a line of more than 64 KiB ends the server";
    DiesOfALongName "dies-of-a-long-name" A4:
        "a command or package of more than 255 bytes ends the server";
    DiesOfAnEmptyLine "dies-of-an-empty-line" A4: "an empty line ends the server";
    DiesOfNul "dies-of-nul" A4: "a NUL byte ends the server";
    DiesAfter3000Requests "dies-after-3000-requests" A4:
        "after 3,000 requests, the server shuts down its connections and ends 0.3 s later";
    DiesOfManySeparators "dies-of-many-separators" A4: "a line with more than 100 separators ends the server";

    // Resource leaks.
    LeaksDescriptors "leaks-descriptors" C4 Chaos: "file descriptors of connections are never closed";
    LeaksDescriptorsOfLostClients "leaks-descriptors-of-lost-clients" C4 Chaos:
        "file descriptors are not closed after a reset or an incomplete line";
    // Jetty, issue 4733: health checks that connect and leave.
    LeaksDescriptorsOfSilentClients "leaks-descriptors-of-silent-clients" C4 Chaos:
        "file descriptors of clients that leave without a request are not closed";
    // A write that fails is handled where it was called, and not where connections are closed.
    LeaksDescriptorsOfStalledReaders "leaks-descriptors-of-stalled-readers" C4 Chaos:
        "file descriptors of connections are not closed after a failed write";
    LeaksMemory "leaks-memory" C4 Chaos: "64 KiB of memory leak for each connection";
    LeaksBesideGarbage "leaks-beside-garbage" C4 Chaos:
        "3 KiB of memory leak for each connection, in a heap that also contains garbage and is collected late";
    LeaksMemoryPerRequest "leaks-memory-per-request" C4 Chaos: "the memory of each line leaks";
    LeaksThreads "leaks-threads" C4 Chaos: "the threads of connections never end";
    LostClientsStayCounted "lost-clients-stay-counted" C4 Chaos:
        "after 500 reset connections, each new connection is closed at once";

    // Faults of clients, of the network and of the process.
    // memcached disables its listener when accept fails, and did not enable it again after some failures.
    StopsAcceptingAfterAFailure "stops-accepting-after-a-failure" C1 Chaos:
        "after an accept has failed, such as for lack of file descriptors, no client is accepted any more";
    // The manual of libev: a listener stays readable while accept fails for lack of descriptors.
    SpinsOnFailedAccepts "spins-on-failed-accepts" C4 (Should) Chaos:
        "a failed accept is repeated at once, which takes a whole CPU while file descriptors are exhausted";
    // `ListenAndServe` of Go within `log.Fatal`, and the unwrapped accept of many servers in Rust.
    DiesOfAFailedAccept "dies-of-a-failed-accept" C1 Chaos:
        "an accept that fails, such as for lack of file descriptors, ends the server";
    // A watchdog that ends a service whose thread makes no progress, here because of its log.
    EndsAfterASlowLogLine "ends-after-a-slow-log-line" C1 Chaos:
        "each connection writes a line to standard error; if that takes longer than a second, the server ends";
    // Shutdown hooks that run beside each other close a database before the connections that use it.
    IndexReleasedBeforeTheDrain "index-released-before-the-drain" A3 Chaos:
        "after SIGTERM, open connections are served for 0.3 s, but from an empty index: each reply is FAIL";
    // HAProxy: loops on connections in the state CLOSE_WAIT whose request is incomplete.
    HalfLineEndSpins "half-line-end-spins" C4 (Should) Chaos:
        "the first end of stream within a line leaves a thread that reads in a loop for ever";
    // Jetty, CVE-2015-2080: buffers return to the pool with their content.
    HalfLineGoesToTheNextClient "half-line-goes-to-the-next-client" C3 Chaos:
        "the incomplete line of a reset connection is the beginning of the next connection's first line";
    // nginx with SO_REUSEPORT: the system still assigns connections to a worker that does not accept them.
    ResetEndsAWorker "reset-ends-a-worker" C3 Chaos:
        "a reset ends one of four workers, so that a quarter of the later connections is never served";
    // A descriptor that is closed twice, as in error paths of HAProxy and libevent.
    ResetClosesTheNextClient "reset-closes-the-next-client" C3 Chaos:
        "the first connection after a reset is closed at once";
    // A timer that outlives its connection closes a descriptor that another connection has by then.
    TimerClosesALaterClient "timer-closes-a-later-client" C3 Chaos:
        "10 s after a connection was reset within a line, the next one that was accepted is closed";
    // libuv has four threads for blocking calls.
    FourStalledReadersBlockAll "four-stalled-readers-block-all" C1 Chaos:
        "four threads write all replies, so that four clients that do not read block all others";
    // HAProxy: MSG_MORE stays set after a write that was blocked.
    RepliesLagAfterAStall "replies-lag-after-a-stall" A1 Chaos:
        "after a write has waited for a client for 0.5 s, each of its replies waits for its next request";
    // gunicorn: slow clients occupy all workers until the timeout.
    HalfLineDelaysNewcomers "half-line-delays-newcomers" C1 Chaos:
        "while a line of any client is incomplete for more than 1 s, new clients are served after 12 s";
    // Node: timers of idle connections expire when a suspended process continues.
    PauseClosesAllClients "pause-closes-all-clients" A3 Chaos:
        "all connections are closed when the process continues after a pause of more than 1 s";
    // Event loops that notice after a suspension that they are late, and shed load.
    LongPauseClosesIdleClients "long-pause-closes-idle-clients" A3 Chaos:
        "all connections are closed when the process continues after a pause of more than 2 s";
    // Acceptors that look for a TLS greeting or a PROXY header before they pass a connection on.
    SilentClientsHoldTheAcceptor "silent-clients-hold-the-acceptor" C1 Chaos:
        "the accepting thread waits up to 0.2 s for the first byte of each connection";
    // SO_LINGER on the sockets of an event loop: close(2) waits for the client.
    ClosesWaitForUnreadReplies "closes-wait-for-unread-replies" C1 Chaos:
        "after a half-close, all clients wait until that client has read its replies, for at most 30 s";
    // An edge-triggered listener whose accept loop has a budget.
    Accepts128AtOnce "accepts-128-at-once" C6 (Should) Chaos:
        "of the connections that arrived together, all beyond 128 wait until a further one arrives";
    // A flag for the thread that continues blocked writes stays set when their connection is lost.
    LostReaderStopsLaterWrites "lost-reader-stops-later-writes" A1 Chaos:
        "after a write has failed, no blocked write of any client is continued";
    // A handler that writes its reply before it releases the lock of the index.
    ChangesAnsweredUnderTheLock "changes-answered-under-the-lock" C1 Chaos:
        "a client that does not read the replies to INDEX or REMOVE blocks all clients";
    // netty: each component of a composite buffer keeps the whole block that the read has allocated.
    ReadsWithinALineTakeBlocks "reads-within-a-line-take-blocks" F6 Chaos:
        "each read takes 4 KiB, even for one byte, until the line is complete (at most 64 MiB)";
    // nginx closes idle connections when `worker_connections` are exhausted.
    StormClosesTheOldestClient "storm-closes-the-oldest-client" A3 Chaos:
        "with more than 80 open connections, each further one closes the oldest";
    // Node and nginx: a write to a log whose pipe is full blocks the whole process.
    ErrorFloodBlocksAll "error-flood-blocks-all" A4 Chaos:
        "1,000 consecutive malformed lines of a client block all clients for 12 s";
    // Redis, clientsCronResizeQueryBuffer: the buffer of a client that is idle is trimmed.
    HalfLineForgottenWhenIdle "half-line-forgotten-when-idle" F2 Chaos:
        "an incomplete line is discarded if its next byte arrives more than 1 s later";

    // Races: changes in two steps.
    CheckThenAct "check-then-act" C2 Race: "INDEX checks its list and takes effect in two steps";
    RemoveThenIndexRace "remove-then-index-race" C2 Race:
        "REMOVE checks the dependents and takes effect in two steps";
    RemoveAnswersFromBefore "remove-answers-from-before" C2 Race:
        "REMOVE takes effect by a second check, but its reply is that of the first check";
    ShardsCheckedInTurn "shards-checked-in-turn" C2 Race:
        "INDEX checks two shards of the index one after the other, under separate locks";
    WriteSkew "write-skew" C2 Race:
        "a change is committed if its package is unchanged, even if its dependencies have changed";
    LostUpdate "lost-update" C2 Race:
        "after two concurrent updates, dependencies of the first cannot be removed";
    DependentsNotedApart "dependents-noted-apart" C2 Race:
        "INDEX stores the list and the reverse edges in two steps";
    DependentsCountedApart "dependents-counted-apart" C2 Race:
        "two packages that list a third concurrently count as one dependent";

    // Races: intermediate states that other clients see.
    FailedIndexSeen "failed-index-seen" C2 Race: "QUERY sees an INDEX that fails and is rolled back";
    UpdateLeavesAGap "update-leaves-a-gap" C2 Race: "an update removes the package and indexes it again";
    StaleReads "stale-reads" C2 Race: "a QUERY that is overtaken by a change stores a stale result in a cache";
    QueriesJoined "queries-joined" C2 Race:
        "a QUERY gets the result of an earlier QUERY of the same package that is in progress";
    ChangesPublishedOutOfOrder "changes-published-out-of-order" C2 Race:
        "concurrent changes may become visible to QUERY in the wrong order";
    CopiesRefreshedWhenFree "copies-refreshed-when-free" C2 Race:
        "QUERY reads a copy that is not refreshed while other clients change the index";
    IndexAcknowledgedEarly "index-acknowledged-early" C2 Race:
        "INDEX without dependencies replies OK before it takes effect if a change is in progress";
    RepliesShareASlot "replies-share-a-slot" C2 Race: "two concurrent requests may both get the later reply";

    // Rare conditions.
    WrongOnceInAThousand "wrong-once-in-a-thousand" S5:
        "each 1,000th QUERY of an indexed package replies FAIL";
    WrongBeyond10000Packages "wrong-beyond-10000-packages" S1:
        "with more than 10,000 indexed packages, INDEX checks no dependencies";
    WrongBeyond90Clients "wrong-beyond-90-clients" S5: "with more than 90 open connections, QUERY replies FAIL";
    FailsAfter30000Requests "fails-after-30000-requests" A1:
        "after 30,000 requests, each tenth reply has no line end";
}
