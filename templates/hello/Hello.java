import com.azure.core.util.BinaryData;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.storage.blob.BlobServiceClientBuilder;

public class Hello {
    public static void main(String[] words) {
        var credential = new DefaultAzureCredentialBuilder().build();
        var service = new BlobServiceClientBuilder().endpoint(System.getenv("AZURE_STORAGE_BLOB_ENDPOINT")).credential(credential).buildClient();
        var blob = service.createBlobContainerIfNotExists("hello").getBlobClient("hello.txt");
        blob.upload(BinaryData.fromString("Hello, Azurite"), true);
        System.out.println(blob.downloadContent());
        System.exit(0);
    }
}
