package main

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const good = `{"databases":["shop","stock"],"users":[
	{"name":"orders_a","database":"shop","password":"p1","grants":["read","write"]},
	{"name":"orders_a","database":"stock","password":"p2","grants":["read"]}]}`

func TestReadAccess(t *testing.T) {
	users, err := readAccess([]byte(good))
	if err != nil || len(users) != 2 || users[1].Database != "stock" {
		t.Fatalf("got %v, %v", users, err)
	}
}

func TestReadAccessTellsAllProblemsAndNoPassword(t *testing.T) {
	_, err := readAccess([]byte(`{"databases":["shop","local"],"users":[
		{"name":"a b","database":"shop","password":"hidden1","grants":["read"]},
		{"name":"b","database":"other","password":"hidden2","grants":["all"]},
		{"name":"c","database":"shop","password":"","grants":[]},
		{"name":"c","database":"shop","password":"hidden3","grants":["read"]},
		{"name":"admin","database":"shop","password":"hidden4","grants":["read"]}]}`))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{
		`"local" is not a name for a database`, `"a b" is not a name for a user`,
		`"other" is not in the list`, `"all" is not one of`, "c of shop has no password",
		"c of shop has no grants", "c of shop is there twice", `"admin" is not a name for a user`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "hidden") {
		t.Errorf("%q has a password in it", err)
	}
}

func TestReadAccessDoesNotQuoteBrokenFiles(t *testing.T) {
	for _, text := range []string{`{"users":[{"password":12345}]}`, `{"users":[{"password":"12345`, `[]`} {
		if _, err := readAccess([]byte(text)); err == nil || strings.Contains(err.Error(), "12345") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRoles(t *testing.T) {
	for grants, want := range map[string]string{
		"read":             "read on shop",
		"backup":           "backup on admin",
		"monitor":          "clusterMonitor on admin",
		"write":            "readWrite on shop",
		"read write":       "readWrite on shop",
		"owner":            "readWrite on shop, dbAdmin on shop",
		"read write owner": "readWrite on shop, dbAdmin on shop",
	} {
		user := wantedUser{Database: "shop", Grants: strings.Fields(grants)}
		if got := roleNames(user.roles()); got != want {
			t.Errorf("%s: got %s, want %s", grants, got, want)
		}
	}
}

func TestSameRolesKnowsNoOrder(t *testing.T) {
	a, b := role{"read", "shop"}, role{"dbAdmin", "shop"}
	if !sameRoles([]role{a, b}, []role{b, a}) || sameRoles([]role{a}, []role{a, b}) ||
		sameRoles([]role{a}, []role{b}) || !sameRoles(nil, nil) {
		t.Error("wrong")
	}
}

func found(t *testing.T, name, database string, custom any) foundUser {
	t.Helper()
	raw, err := bson.Marshal(bson.M{"user": name, "db": database, "roles": bson.A{}, "customData": custom})
	if err != nil {
		t.Fatal(err)
	}
	var user foundUser
	if err := bson.Unmarshal(raw, &user); err != nil {
		t.Fatal(err)
	}
	return user
}

func TestOnlyMarkedUsersAreOurs(t *testing.T) {
	users := map[identity]foundUser{}
	for _, user := range []foundUser{
		found(t, "orders_a", "shop", mark),
		found(t, "orders_a", "stock", bson.M{"managedBy": 5}),
		found(t, "old", "shop", mark),
		found(t, "ancient", "shop", mark),
		found(t, "admin", "admin", bson.M{}),
	} {
		users[user.identity()] = user
	}
	users[identity{"bare", "shop"}] = foundUser{Name: "bare", Database: "shop"}
	wanted, err := readAccess([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if err := foreign(wanted, users); err == nil || !strings.Contains(err.Error(), ": orders_a of stock.") {
		t.Errorf("got %v", err)
	}
	gone := dropped(wanted, users)
	if len(gone) != 2 || gone[0].Name != "ancient" || gone[1].Name != "old" {
		t.Errorf("got %v", gone)
	}
}
