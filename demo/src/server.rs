//! What both stand-ins share: a listener on loopback, a journal of requests, a lock that a panic does not poison.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server on a free port of 127.0.0.1. It stops when this value is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts to serve what `router` makes of the server's own address.
    ///
    /// # Errors
    /// Where no port of 127.0.0.1 can be had.
    pub async fn start(router: impl FnOnce(&str) -> Router) -> anyhow::Result<Server> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port on 127.0.0.1")?;
        let address = listener.local_addr()?;
        let router = router(&format!("http://{address}"));
        let task = tokio::spawn(async move {
            // `serve` ends only with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Server { address, task })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The requests that came in, in order, each as a short line such as `POST /repos/{owner}/{repo}/pulls` or `get_incident`.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    /// Writes one line.
    pub fn record(&self, line: impl Into<String>) {
        lock(&self.0).push(line.into());
    }

    /// All lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.0).clone()
    }

    /// How many lines are exactly `line`.
    pub fn count(&self, line: &str) -> usize {
        lock(&self.0).iter().filter(|l| *l == line).count()
    }

    /// How many requests came in altogether.
    pub fn total(&self) -> usize {
        lock(&self.0).len()
    }

    /// Forgets everything, so that a second run is counted by itself.
    pub fn clear(&self) {
        lock(&self.0).clear();
    }
}

/// Locks, also after a panic elsewhere: a test that failed should not fail the others with another message.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
