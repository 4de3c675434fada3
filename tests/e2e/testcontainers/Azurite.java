import com.azure.core.credential.*;
import java.io.*;
import java.time.OffsetDateTime;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.MountableFile;
import reactor.core.publisher.Mono;

/** The Azurite of this JVM, in a container that ends with it. */
public class Azurite {
  public static final String BLOB_ENDPOINT = start();
  private static String start() {
    var certs = new File(azup("env --kestrel ASPNETCORE_Kestrel__Certificates__Default__Path")).getParent();
    var azurite = new GenericContainer<>("mcr.microsoft.com/azure-storage/azurite:3.37.0").withExposedPorts(10000)
        .withCopyFileToContainer(MountableFile.forHostPath(certs), "/certs")
        .withCommand("azurite-blob --blobHost 0.0.0.0 --cert /certs/cert.pem --key /certs/key.pem --oauth basic --skipApiVersionCheck")
        .waitingFor(Wait.forLogMessage(".*Blob service successfully listens.*", 1));
    azurite.start();
    for (String option : azup("env --java JAVA_TOOL_OPTIONS").split(" (?=-D)")) // before the first TLS connection
      if (option.startsWith("-D")) System.setProperty(option.substring(2).split("=")[0], option.split("=", 2)[1]);
    return azup("env AZURE_STORAGE_BLOB_ENDPOINT --blob-port=" + azurite.getMappedPort(10000));
  }
  /** As DefaultAzureCredential, which needs variables that a JVM cannot set for itself. */
  public static TokenCredential credential() {
    return request -> Mono.fromCallable(() -> new AccessToken(azup("token"), OffsetDateTime.now().plusMinutes(30)));
  }
  private static String azup(String words) {
    try { return new String(new ProcessBuilder(("azup " + words).split(" ")).start().getInputStream().readAllBytes()).strip(); }
    catch (IOException e) { throw new UncheckedIOException(e); }
  }
}
