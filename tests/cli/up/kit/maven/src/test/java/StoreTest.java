import static org.junit.jupiter.api.Assertions.assertEquals;

import com.azure.core.util.BinaryData;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.storage.blob.BlobServiceClientBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** Skipped if there is no Azurite, so that Maven can fetch what running a test needs. */
@EnabledIfEnvironmentVariable(named = "AZURE_STORAGE_BLOB_ENDPOINT", matches = ".+")
class StoreTest {
  @Test
  void stores() {
    var service = new BlobServiceClientBuilder()
        .endpoint(System.getenv("AZURE_STORAGE_BLOB_ENDPOINT"))
        .credential(new DefaultAzureCredentialBuilder().build())
        .buildClient();
    var blob = service.createBlobContainer("from-maven").getBlobClient("hello");
    blob.upload(BinaryData.fromString("Hello"));
    assertEquals("Hello", blob.downloadContent().toString());
  }
}
