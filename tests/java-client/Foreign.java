import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import java.util.List;
import java.util.function.Supplier;

/**
 * Production code that needs a token for Storage and one for Key Vault: with one credential for
 * both, then with one for each. Prints "local" for azup's own tokens, the others unchanged.
 */
class Foreign {
    public static void main(String[] words) {
        Supplier<TokenCredential> make = words[0].equals("managed")
            ? () -> new ManagedIdentityCredentialBuilder().build()
            : () -> new DefaultAzureCredentialBuilder().build();
        TokenCredential shared = make.get();
        for (Supplier<TokenCredential> credential : List.<Supplier<TokenCredential>>of(() -> shared, make)) {
            for (String name : List.of("storage.azure.com", "vault.azure.net")) {
                var context = new TokenRequestContext().addScopes("https://" + name + "/.default");
                try {
                    String token = credential.get().getToken(context).block().getToken();
                    System.out.println(token.endsWith(".") ? "local" : token);
                } catch (RuntimeException error) {
                    System.out.println("refused: " + String.valueOf(error.getMessage()).replaceAll("\\s+", " "));
                }
            }
        }
        System.exit(0);
    }
}
