//! Program tests: the built binary on a fresh directory does its jobs, also when it is killed.

mod program {
    mod backup;
    mod demo;
    mod kill;
    mod run;
    mod serve;
}
