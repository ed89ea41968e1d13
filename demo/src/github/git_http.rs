//! Git's smart protocol over HTTP: `git http-backend`, run as the CGI program it is.

use std::process::Stdio;

use anyhow::{Context, bail};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use tokio::io::AsyncWriteExt;

use super::{Refusal, Shared};

/// Serves a private repository: a token is needed, as user `x-access-token`'s password or as a bearer.
pub(super) async fn serve(
    State(shared): State<Shared>,
    Path((owner, repo, service)): Path<(String, String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shared.git_requests.record(format!("{method} {service}"));
    let name = format!("{owner}/{}", repo.trim_end_matches(".git"));
    if !authorised(&headers, &shared.records().token) {
        let challenge = [("www-authenticate", "Basic realm=\"GitHub\"")];
        return (StatusCode::UNAUTHORIZED, challenge, "Repository not found.").into_response();
    }
    let known = ["info/refs", "git-upload-pack"].contains(&service.as_str());
    if !known || !name.eq_ignore_ascii_case(&shared.records().repository) {
        return (StatusCode::NOT_FOUND, "Not Found").into_response();
    }
    let answer = backend(&shared, &service, &method, uri.query().unwrap_or_default(), &headers, &body).await;
    answer.unwrap_or_else(|error| Refusal::from(error).into_response())
}

fn authorised(headers: &HeaderMap, token: &str) -> bool {
    let value = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let (scheme, credentials) = value.split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") {
        return credentials == token;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(credentials.trim()).unwrap_or_default();
    scheme.eq_ignore_ascii_case("basic") && decoded == format!("x-access-token:{token}").into_bytes()
}

async fn backend(
    shared: &Shared,
    service: &str,
    method: &Method,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> anyhow::Result<Response> {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut child = crate::git::command(&shared.bare)
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", shared.bare.as_path())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{service}"))
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("git http-backend could not be started")?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let (_, output) = tokio::join!(
        async move {
            let _ = stdin.write_all(body).await;
            drop(stdin);
        },
        child.wait_with_output()
    );
    cgi_response(&output?.stdout)
}

/// Turns a CGI program's output (headers, an empty line, the body) into an HTTP response.
fn cgi_response(output: &[u8]) -> anyhow::Result<Response> {
    let Some(end) = output.windows(4).position(|w| w == b"\r\n\r\n") else { bail!("git http-backend gave no headers") };
    let (head, body) = (String::from_utf8_lossy(&output[..end]).into_owned(), output[end + 4..].to_vec());
    let mut response = Response::new(body.into());
    for line in head.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("status") {
            let code = value.split_whitespace().next().unwrap_or_default();
            *response.status_mut() = code.parse().context("git http-backend gave a status that is none")?;
        } else if let (Ok(name), Ok(value)) = (name.parse::<axum::http::HeaderName>(), value.trim().parse()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}
