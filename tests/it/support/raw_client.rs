//! A client that writes bytes: for requests that no library would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::waiting::within;

/// A TCP connection.
#[derive(Debug)]
pub struct RawClient {
    stream: TcpStream,
    read: Vec<u8>,
}

impl RawClient {
    /// Connects.
    pub async fn connect(to: SocketAddr) -> Self {
        let stream = within("connection", TcpStream::connect(to)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            read: Vec::new(),
        }
    }

    /// Writes all of these bytes.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within("room to write", self.stream.write_all(bytes.as_ref()))
            .await
            .unwrap();
    }

    /// Says that nothing more will be written.
    pub async fn finish_writing(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads on until `text` has arrived, and gives everything read so far.
    pub async fn read_until(&mut self, text: &str) -> String {
        loop {
            let seen = String::from_utf8_lossy(&self.read).into_owned();
            if seen.contains(text) {
                return seen;
            }
            assert!(
                self.read_some().await > 0,
                "the connection ended before {text:?}: {seen:?}"
            );
        }
    }

    /// Reads until the other side ends or breaks the connection.
    pub async fn read_to_end(&mut self) -> String {
        while self.read_some().await > 0 {}
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Breaks the connection with a reset.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    async fn read_some(&mut self) -> usize {
        let read = within("bytes", self.stream.read_buf(&mut self.read)).await;
        read.unwrap_or(0)
    }
}
