//! The two forms of the replay: connections that open gradually, and all connections at once.

/// How the clients of a replay connect, and under which clause the run is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `index/replay`: few connections open at a time, so that a small listen backlog suffices. In each step the clients
    /// meet after their first reply.
    Gradual,
    /// `index/official`: the challenge's own harness. All clients connect at once, and no client waits within a step.
    Official,
}

impl Form {
    /// Returns the id of the workload.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Gradual => "index/replay",
            Self::Official => "index/official",
        }
    }
}
