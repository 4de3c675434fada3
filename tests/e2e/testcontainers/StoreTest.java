import static org.junit.jupiter.api.Assertions.assertEquals;

import com.azure.core.util.BinaryData;
import com.azure.storage.blob.BlobServiceClientBuilder;
import org.junit.jupiter.api.Test;

class StoreTest {
  @Test
  void stores() {
    var service = new BlobServiceClientBuilder()
        .endpoint(Azurite.BLOB_ENDPOINT)
        .credential(Azurite.credential())
        .buildClient();
    var blob = service.createBlobContainer("from-testcontainers").getBlobClient("hello");
    blob.upload(BinaryData.fromString("Hello"));
    assertEquals("Hello", blob.downloadContent().toString());
  }
}
