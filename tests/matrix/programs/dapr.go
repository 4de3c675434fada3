// dapr's binding of Azure's blobs, as dapr runs it: stores one and reads it back. It wants the endpoint without the
// account, which it adds by itself.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/dapr/components-contrib/bindings"
	"github.com/dapr/components-contrib/bindings/azure/blobstorage"
	"github.com/dapr/components-contrib/metadata"
	"github.com/dapr/kit/logger"
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
	binding := blobstorage.NewAzureBlobStorage(logger.NewLogger("dapr"))
	account := os.Getenv("AZURE_STORAGE_ACCOUNT_NAME")
	endpoint := strings.TrimSuffix(os.Getenv("AZURE_STORAGE_BLOB_ENDPOINT"), "/"+account)
	properties := map[string]string{"accountName": account, "containerName": "data", "endpoint": endpoint}
	settings := bindings.Metadata{Base: metadata.Base{Name: "blobs", Properties: properties}}
	if err := binding.Init(ctx, settings); err != nil {
		must(0, err)
	}
	blob := map[string]string{"blobName": "dapr.txt"}
	must(binding.Invoke(ctx, &bindings.InvokeRequest{Operation: "create", Metadata: blob, Data: []byte("stored")}))
	answer := must(binding.Invoke(ctx, &bindings.InvokeRequest{Operation: "get", Metadata: blob}))
	fmt.Println(string(answer.Data))
}
