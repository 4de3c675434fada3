//! A program as it would run in Azure: it knows the account's URL and nothing else.
//! It stores a blob and prints what it reads back.

use azure_core::http::{RequestContent, Url};
use azure_identity::ManagedIdentityCredential;
use azure_storage_blob::BlobServiceClient;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = Url::parse(&std::env::var("AZURE_STORAGE_BLOB_ENDPOINT")?)?;
    let service = BlobServiceClient::new(url, Some(ManagedIdentityCredential::new(None)?), None)?;
    let container = service.blob_container_client("from-rust");
    container.create(None).await?;
    let blob = container.blob_client("greeting");
    blob.upload(RequestContent::from(b"a blob".to_vec()), None)
        .await?;
    let body = blob.download(None).await?.body.collect().await?;
    println!("{}", String::from_utf8(body.into())?);
    Ok(())
}
