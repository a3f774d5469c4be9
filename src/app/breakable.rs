//! A connection that can be broken off from our side.
//!
//! Envoy takes a stream that ends cleanly for leave to send a request on unrewritten. A server that stops must
//! therefore break its connections, and this is how: from the moment of stopping, reading and writing fail.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// A connection that fails from the moment of stopping.
pub(super) struct Breakable<T> {
    io: T,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
    stopped: CancellationToken,
}

impl<T> Breakable<T> {
    pub(super) fn new(io: T, stopping: CancellationToken) -> Self {
        let stopped = stopping.clone();
        Self {
            io,
            stopping: Box::pin(stopping.cancelled_owned()),
            stopped,
        }
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the server is stopping")
}

impl<T: AsyncRead + Unpin> AsyncRead for Breakable<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // A connection always waits to read, so this is where it learns of the stop.
        if self.stopping.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(broken()));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Breakable<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.stopped.is_cancelled() {
            return Poll::Ready(Err(broken()));
        }
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.stopped.is_cancelled() {
            return Poll::Ready(Err(broken()));
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<T: Connected> Connected for Breakable<T> {
    type ConnectInfo = T::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn a_read_that_waits_fails_at_the_stop() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let stopping = CancellationToken::new();
        let mut connection = Breakable::new(ours, stopping.clone());
        let reading = tokio::spawn(async move { connection.read_u8().await.map_err(|error| error.kind()) });
        tokio::task::yield_now().await;

        stopping.cancel();

        assert_eq!(reading.await.unwrap(), Err(io::ErrorKind::ConnectionAborted));
    }
}
