//! A service that tests need: started for the first test that runs, stopped after the last one.

use std::io::Write as _;
use std::sync::{OnceLock, PoisonError, RwLock};

use libtest_mimic::Trial;

/// A test, and what it promises.
pub struct Test<S> {
    promise: &'static str,
    /// Whether it disturbs those who use the service at the same time.
    alone: bool,
    run: fn(&S),
}

/// One that runs beside others.
pub const fn beside_others<S>(promise: &'static str, run: fn(&S)) -> Test<S> {
    Test {
        promise,
        alone: false,
        run,
    }
}

/// One that has the service for itself.
pub const fn alone<S>(promise: &'static str, run: fn(&S)) -> Test<S> {
    Test {
        promise,
        alone: true,
        run,
    }
}

pub struct Service<S> {
    /// The Debian package that brings it.
    package: &'static str,
    is_installed: fn() -> bool,
    start: fn() -> Result<S, String>,
    stop: fn(&S),
    running: OnceLock<Result<S, String>>,
    gate: RwLock<()>,
}

impl<S: Send + Sync> Service<S> {
    pub const fn new(
        package: &'static str,
        is_installed: fn() -> bool,
        start: fn() -> Result<S, String>,
        stop: fn(&S),
    ) -> Service<S> {
        Service {
            package,
            is_installed,
            start,
            stop,
            running: OnceLock::new(),
            gate: RwLock::new(()),
        }
    }

    /// The tests as the harness takes them.
    pub fn trials(&'static self, tests: &[&'static [Test<S>]]) -> Vec<Trial> {
        let tests: Vec<&'static Test<S>> = tests.iter().copied().flatten().collect();
        let required = std::env::var("TOUCHSTONE_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        let ignored = !required && !(self.is_installed)();
        if ignored {
            let _ = writeln!(
                std::io::stderr(),
                "{} tests are ignored: Debian package {} is not installed",
                tests.len(),
                self.package
            );
        }
        let trial = |test: &'static Test<S>| {
            let run = move || {
                self.run(test);
                Ok(())
            };
            Trial::test(test.promise, run)
                .with_kind(self.package)
                .with_ignored_flag(ignored)
        };
        tests.into_iter().map(trial).collect()
    }

    fn run(&self, test: &Test<S>) {
        assert!(
            (self.is_installed)(),
            "Debian package {} is not installed",
            self.package
        );
        let service = match self.running.get_or_init(self.start) {
            Ok(service) => service,
            Err(reason) => panic!("the service of {} did not start: {reason}", self.package),
        };
        // A test that failed holds nobody up.
        if test.alone {
            let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
            (test.run)(service);
        } else {
            let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
            (test.run)(service);
        }
    }

    /// Stops it, if it was started.
    pub fn stop(&self) {
        if let Some(Ok(service)) = self.running.get() {
            (self.stop)(service);
        }
    }
}
