// Production code: stores a blob and, if VAULT_URL is set, a secret, and reads both back; with one
// credential for both services.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	ctx := context.Background()
	credential := must(azidentity.NewDefaultAzureCredential(nil))
	client := must(azblob.NewClient(os.Getenv("AZURE_STORAGE_BLOB_ENDPOINT"), credential, nil))
	container := fmt.Sprint("go-", os.Getpid())
	must(client.CreateContainer(ctx, container, nil))
	must(client.UploadBuffer(ctx, container, "greeting", []byte("a blob"), nil))
	answer := must(client.DownloadStream(ctx, container, "greeting", nil))
	fmt.Println(string(must(io.ReadAll(answer.Body))))

	if url := os.Getenv("VAULT_URL"); url != "" {
		vault := must(azsecrets.NewClient(url, credential, nil))
		value := "a secret"
		must(vault.SetSecret(ctx, "greeting", azsecrets.SetSecretParameters{Value: &value}, nil))
		fmt.Println(*must(vault.GetSecret(ctx, "greeting", "", nil)).Value)
	}
}
