//! The recipe of `docs/testing/rust.md`, as a test uses it.

mod azurite;

use azure_core::http::{RequestContent, Url};
use azure_identity::ManagedIdentityCredential;
use azure_storage_blob::BlobServiceClient;

async fn store(name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let url = Url::parse(azurite::azurite()["blob"].as_str().unwrap())?;
    let service = BlobServiceClient::new(url, Some(ManagedIdentityCredential::new(None)?), None)?;
    let container = service.blob_container_client(name);
    container.create(None).await?;
    let blob = container.blob_client("hello");
    blob.upload(RequestContent::from(b"Hello".to_vec()), None)
        .await?;
    let body = blob.download(None).await?.body.collect().await?;
    assert_eq!(&body[..], b"Hello");
    Ok(())
}

#[tokio::test]
async fn one() {
    store("one").await.unwrap();
}

#[tokio::test]
async fn two_at_the_same_time() {
    store("two").await.unwrap();
}
