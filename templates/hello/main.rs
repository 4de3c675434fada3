use azure_core::http::RequestContent;
use azure_identity::ManagedIdentityCredential;
use azure_storage_blob::BlobServiceClient;
use std::env;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let credential = ManagedIdentityCredential::new(None)?;
    let service = BlobServiceClient::new(env::var("AZURE_STORAGE_BLOB_ENDPOINT")?.parse()?, Some(credential), None)?;
    let container = service.blob_container_client("hello");
    if !container.exists().await? {
        container.create(None).await?;
    }
    let blob = container.blob_client("hello.txt");
    blob.upload(RequestContent::from(b"Hello, Azurite".to_vec()), None).await?;
    let text = blob.download(None).await?.body.collect().await?;
    println!("{}", String::from_utf8(text.to_vec())?);
    Ok(())
}
