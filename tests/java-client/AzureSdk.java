import com.azure.core.util.BinaryData;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.security.keyvault.secrets.SecretClientBuilder;
import com.azure.storage.blob.BlobServiceClientBuilder;

/**
 * Production code: stores a blob and, if VAULT_URL is set, a secret, and reads both back; with one
 * credential for both services.
 */
class AzureSdk {
    public static void main(String[] words) {
        var credential = new DefaultAzureCredentialBuilder().build();
        var service = new BlobServiceClientBuilder()
            .endpoint(System.getenv("AZURE_STORAGE_BLOB_ENDPOINT"))
            .credential(credential)
            .buildClient();
        var container = service.createBlobContainer("java-" + ProcessHandle.current().pid());
        var blob = container.getBlobClient("greeting");
        blob.upload(BinaryData.fromString("a blob"));
        System.out.println(blob.downloadContent());

        String url = System.getenv("VAULT_URL");
        if (url != null) {
            var vault = new SecretClientBuilder().vaultUrl(url).credential(credential).buildClient();
            vault.setSecret("greeting", "a secret");
            System.out.println(vault.getSecret("greeting").getValue());
        }
        System.exit(0);
    }
}
