import com.azure.core.credential.*;
import com.azure.json.*;
import java.net.URI;
import java.net.http.*;
import java.time.OffsetDateTime;
import java.util.Map;
import org.junit.jupiter.api.extension.*;
import reactor.core.publisher.Mono;

/** @ExtendWith(Azurite.class) starts an Azurite for the tests of this JVM; it ends with the JVM. */
public class Azurite implements BeforeAllCallback {
  public static Map<String, String> environment;
  @Override public void beforeAll(ExtensionContext context) throws Exception { start(); }
  private static synchronized void start() throws Exception {
    if (environment != null) return;
    Process azup = new ProcessBuilder("azup", "up", "--json", "--until-eof", "--java")
        .redirectError(ProcessBuilder.Redirect.INHERIT).start();
    var document = JsonProviders.createReader(azup.getInputStream()).readMap(JsonReader::readUntyped);
    environment = (Map<String, String>) document.get("environment");
    for (String option : environment.get("JAVA_TOOL_OPTIONS").split(" (?=-D)")) // before the first TLS connection
      if (option.startsWith("-D")) System.setProperty(option.substring(2).split("=")[0], option.split("=", 2)[1]);
  }
  /** As DefaultAzureCredential, which reads IDENTITY_ENDPOINT from the environment of the process alone. */
  public static TokenCredential credential() {
    var url = URI.create(environment.get("IDENTITY_ENDPOINT") + "?api-version=2019-08-01&resource=https://storage.azure.com");
    var ask = HttpRequest.newBuilder(url).header("X-IDENTITY-HEADER", environment.get("IDENTITY_HEADER")).build();
    return request -> Mono.fromCallable(() -> HttpClient.newHttpClient().send(ask, HttpResponse.BodyHandlers.ofString()).body())
        .map(body -> new AccessToken(body.replaceAll("(?s).*\"access_token\": *\"([^\"]+)\".*", "$1"), OffsetDateTime.now().plusMinutes(30)));
  }
}
