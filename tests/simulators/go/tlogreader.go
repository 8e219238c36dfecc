// Reads a log as a stranger would: with golang.org/x/mod/sumdb, which knows nothing of Evidock.
//
// Arguments: a folder with checkpoint, old (an earlier checkpoint) and tile/…, the log's verifier
// key, and the witness's. Prints sizes and "ok" when everything holds.
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tiles struct{ folder string }

func (t tiles) Height() int { return 8 }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		// Its own paths carry the height; these have it fixed.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.folder, path))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.id }

func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 72 {
		return false
	}
	at := binary.BigEndian.Uint64(signature)
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", at)), text...)
	return ed25519.Verify(c.key, signed, signature[8:])
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func witness(vkey string) cosigner {
	parts := strings.SplitN(vkey, "+", 3)
	id, err := strconv.ParseUint(parts[1], 16, 32)
	check(err)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	check(err)
	if key[0] != 4 {
		check(fmt.Errorf("type %d is no cosignature's", key[0]))
	}
	return cosigner{parts[0], uint32(id), ed25519.PublicKey(key[1:])}
}

func head(file string, verifiers ...note.Verifier) tlog.Tree {
	raw, err := os.ReadFile(file)
	check(err)
	opened, err := note.Open(raw, note.VerifierList(verifiers...))
	check(err)
	if len(opened.Sigs) != len(verifiers) || len(opened.UnverifiedSigs) != 0 {
		check(fmt.Errorf("%s: %d signatures verified", file, len(opened.Sigs)))
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: root}
}

func entries(folder string, size int64) [][]byte {
	var found [][]byte
	for number := int64(0); number*256 < size; number++ {
		path := filepath.Join(folder, fmt.Sprintf("tile/entries/%03d", number))
		if left := size - number*256; left < 256 {
			path = fmt.Sprintf("%s.p/%d", path, left)
		}
		data, err := os.ReadFile(path)
		check(err)
		for rest := data; len(rest) > 0; {
			length := int(binary.BigEndian.Uint16(rest))
			found = append(found, rest[2:2+length])
			rest = rest[2+length:]
		}
	}
	return found
}

func main() {
	folder := os.Args[1]
	log, err := note.NewVerifier(os.Args[2])
	check(err)
	old := head(filepath.Join(folder, "old"), log)
	tree := head(filepath.Join(folder, "checkpoint"), log, witness(os.Args[3]))
	reader := tlog.TileHashReader(tree, tiles{folder})
	for index, entry := range entries(folder, tree.N) {
		at := int64(index)
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, at)})
		check(err)
		leaf := tlog.RecordHash(entry)
		if !bytes.Equal(hashes[0][:], leaf[:]) {
			check(fmt.Errorf("entry %d is not in its tile", index))
		}
	}
	for _, at := range []int64{0, old.N / 2, old.N - 1, (old.N + tree.N) / 2, tree.N - 1} {
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, at)})
		check(err)
		proof, err := tlog.ProveRecord(tree.N, at, reader)
		check(err)
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, at, hashes[0]))
	}
	proof, err := tlog.ProveTree(tree.N, old.N, reader)
	check(err)
	check(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
	fmt.Println(old.N, tree.N, "ok")
}
