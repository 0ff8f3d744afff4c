// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Grants} from "../src/Grants.sol";
import {Ledger} from "../src/Ledger.sol";
import {Registry} from "../src/Registry.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {TestDollar} from "../src/TestDollar.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// specs/vectors, as made by ethers, against the contracts.
contract VectorsTest is Fixture {
    string private constant MERKLE = "../specs/vectors/merkle.json";
    string private constant EIP712 = "../specs/vectors/chain-eip712.json";
    string private constant CLAIM =
        "Claim(uint64 epoch,uint32 index,bytes32 contribution,address owner,uint256 amount,bytes32 partsRoot)";
    uint256 private constant EPOCH_ROOT = 0;
    uint256 private constant WITHDRAW = 1;
    uint256 private constant CREATE_ASSET = 2;
    uint256 private constant RECEIVE = 3;

    struct Vector {
        string where;
        address verifyingContract;
        address signer;
        bytes signature;
    }

    struct Withdraw {
        address owner;
        bytes32 contribution;
        uint256 deadline;
    }

    struct CreateAsset {
        address founder;
        string name;
        string symbol;
        bytes32 salt;
        address paymentToken;
        bytes32 recipient;
        bytes32 policyHash;
        uint256 epochCap;
        address[] verifiers;
        bytes32[] verifierRecipients;
        uint32 threshold;
        Registry.Custody custody;
        AssetGovernor.Governance governance;
        uint256 deadline;
    }

    struct Receive {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    string private _json;

    function setUp() public override {
        super.setUp();
        vm.chainId(31337);
        _json = vm.readFile(EIP712);
    }

    function path(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }

    function test_EveryProofOfEveryTreeIsAccepted() public view {
        string memory json = vm.readFile(MERKLE);
        uint256[6] memory sizes = [uint256(1), 2, 3, 5, 8, 100];
        for (uint256 i = 0; i < sizes.length; i++) {
            string memory where = path(".trees", i);
            Ledger.Claim[] memory claims =
                abi.decode(vm.parseJsonTypeArray(json, string.concat(where, ".claims"), CLAIM), (Ledger.Claim[]));
            bytes32[] memory leaves = vm.parseJsonBytes32Array(json, string.concat(where, ".leaves"));
            bytes32[][] memory proofs = parseProofs(json, string.concat(where, ".proofs"));
            bytes32 root = vm.parseJsonBytes32(json, string.concat(where, ".root"));
            vm.assertEq(claims.length, sizes[i], "size");
            vm.assertEq(rootOf(leaves), root, "root");
            for (uint256 j = 0; j < claims.length; j++) {
                vm.assertEq(ledger.leafOf(claims[j]), leaves[j], "leaf");
                vm.assertTrue(MerkleProof.verify(proofs[j], root, leaves[j]), "proof");
            }
        }
    }

    function parseProofs(string memory json, string memory where) private pure returns (bytes32[][] memory) {
        return abi.decode(vm.parseJson(json, where), (bytes32[][]));
    }

    function test_EveryTreeCanBePostedAndClaimedInOneBatch() public {
        string memory json = vm.readFile(MERKLE);
        for (uint256 i = 0; i < 6; i++) {
            string memory where = path(".trees", i);
            Ledger.Claim[] memory claims =
                abi.decode(vm.parseJsonTypeArray(json, string.concat(where, ".claims"), CLAIM), (Ledger.Claim[]));
            bytes32[][] memory proofs = parseProofs(json, string.concat(where, ".proofs"));
            Ledger.EpochRoot memory r = epochRoot(claims);
            vm.assertEq(r.total, vm.parseJsonUint(json, string.concat(where, ".total")), "total");
            ledger.postEpoch(r, signEpoch(r, 2));
            vm.assertEq(ledger.claimMany(claims, proofs), claims.length, "claimed");
        }
        vm.assertEq(token.balanceOf(address(ledger)), 0, "all handed out");
    }

    function test_RejectedProofsAreRejected() public view {
        string memory json = vm.readFile(MERKLE);
        uint256 i = 0;
        for (; vm.keyExistsJson(json, path(".rejected", i)); i++) {
            string memory where = path(".rejected", i);
            bytes32 root = vm.parseJsonBytes32(json, string.concat(where, ".root"));
            bytes32 leaf = vm.parseJsonBytes32(json, string.concat(where, ".leaf"));
            bytes32[] memory proof = vm.parseJsonBytes32Array(json, string.concat(where, ".proof"));
            vm.assertTrue(
                !MerkleProof.verify(proof, root, leaf), vm.parseJsonString(json, string.concat(where, ".class"))
            );
        }
        vm.assertEq(i, 5, "all of them");
    }

    /// Reads a vector and checks the digest and the signature by hand.
    function vector(uint256 index, string memory primaryType) private view returns (Vector memory v) {
        v.where = path(".vectors", index);
        vm.assertEq(vm.parseJsonString(_json, string.concat(v.where, ".primaryType")), primaryType, "primaryType");
        v.verifyingContract = vm.parseJsonAddress(_json, string.concat(v.where, ".domain.verifyingContract"));
        v.signer = vm.parseJsonAddress(_json, ".signer");
        v.signature = vm.parseJsonBytes(_json, string.concat(v.where, ".signature"));
        bytes32 digest = typedDigest(
            vm.parseJsonString(_json, string.concat(v.where, ".domain.name")),
            31337,
            v.verifyingContract,
            vm.parseJsonBytes32(_json, string.concat(v.where, ".structHash"))
        );
        vm.assertEq(vm.parseJsonBytes32(_json, string.concat(v.where, ".digest")), digest, "digest");
        vm.assertEq(ECDSA.recover(digest, v.signature), v.signer, "signature");
        vm.assertEq(vm.addr(uint256(vm.parseJsonBytes32(_json, ".privateKey"))), v.signer, "signer");
    }

    function message(Vector memory v, string memory typeDescription) private view returns (bytes memory) {
        string memory where = string.concat(v.where, ".encodeType");
        vm.assertEq(vm.parseJsonString(_json, where), typeDescription, "encodeType");
        return vm.parseJsonType(_json, string.concat(v.where, ".message"), typeDescription);
    }

    /// The contract must refuse each rejected signature, and then take the vector's own: its hashing agrees with ethers'.
    function onlyItsSignatureIsAccepted(Vector memory v, function(Vector memory, bytes memory) internal returns (bool) send)
        private
    {
        for (uint256 i = 0; i < 4; i++) {
            string memory where = path(string.concat(v.where, ".rejected"), i);
            bytes memory wrong = vm.parseJsonBytes(_json, string.concat(where, ".signature"));
            vm.assertTrue(!send(v, wrong), vm.parseJsonString(_json, string.concat(where, ".class")));
        }
        vm.assertTrue(send(v, v.signature), "its own signature");
    }

    function test_EpochRootVector() public {
        Vector memory v = vector(EPOCH_ROOT, "EpochRoot");
        // A ledger at the vector's address, with the vector's signer as its only verifier.
        vm.etch(v.verifyingContract, address(ledger).code);
        ledger = Ledger(v.verifyingContract);
        token = ShareToken(Clones.clone(factory.tokenImplementation()));
        token.initialize("Vectors", "V", dollar, address(ledger));
        registry = Registry(Clones.clone(factory.registryImplementation()));
        Registry.VerifierSet memory set = Registry.VerifierSet(new address[](1), new bytes32[](1), 1);
        (set.verifiers[0], set.recipients[0]) = (v.signer, "recipient");
        registry.initialize(
            founder, address(timelock), address(grants), "recipient", "policy", set, custody(guardianKeys, 2, runnerKeys)
        );
        ledger.initialize(token, registry, EPOCH_CAP);
        onlyItsSignatureIsAccepted(v, sendEpoch);
        vm.assertEq(token.totalSupply(), 1e18, "minted");
    }

    function sendEpoch(Vector memory v, bytes memory s) private returns (bool ok) {
        Ledger.EpochRoot memory r = abi.decode(message(v, EPOCH_ROOT_TYPE), (Ledger.EpochRoot));
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = s;
        (ok,) = v.verifyingContract.call(abi.encodeCall(ledger.postEpoch, (r, signatures)));
    }

    function test_WithdrawVector() public {
        Vector memory v = vector(WITHDRAW, "Withdraw");
        vm.etch(v.verifyingContract, address(ledger).code);
        onlyItsSignatureIsAccepted(v, sendWithdrawal);
        Withdraw memory w = abi.decode(message(v, WITHDRAW_TYPE), (Withdraw));
        vm.assertTrue(Ledger(v.verifyingContract).withdrawnAt(w.contribution) != 0, "this very contribution");
    }

    function sendWithdrawal(Vector memory v, bytes memory s) private returns (bool ok) {
        Withdraw memory w = abi.decode(message(v, WITHDRAW_TYPE), (Withdraw));
        bytes32 salt = vm.parseJsonBytes32(_json, string.concat(v.where, ".salt"));
        (ok,) = v.verifyingContract.call(abi.encodeCall(ledger.withdraw, (w.owner, salt, w.deadline, s)));
    }

    function test_CreateAssetVector() public {
        Vector memory v = vector(CREATE_ASSET, "CreateAsset");
        CreateAsset memory c = creation(v);
        vm.etch(v.verifyingContract, address(factory).code);
        vm.etch(c.paymentToken, address(dollar).code);
        onlyItsSignatureIsAccepted(v, sendCreation);
    }

    function creation(Vector memory v) private view returns (CreateAsset memory) {
        string memory types = string.concat(CREATE_ASSET_TYPE, CUSTODY_TYPE, GOVERNANCE_TYPE);
        return abi.decode(message(v, types), (CreateAsset));
    }

    function sendCreation(Vector memory v, bytes memory s) private returns (bool ok) {
        CreateAsset memory c = creation(v);
        AssetFactory.AssetParams memory p = AssetFactory.AssetParams({
            name: c.name,
            symbol: c.symbol,
            salt: c.salt,
            paymentToken: c.paymentToken,
            recipient: c.recipient,
            policyHash: c.policyHash,
            epochCap: c.epochCap,
            verifiers: c.verifiers,
            verifierRecipients: c.verifierRecipients,
            threshold: c.threshold,
            custody: c.custody,
            governance: c.governance
        });
        (ok,) = v.verifyingContract.call(abi.encodeCall(factory.createFor, (p, c.founder, c.deadline, s)));
    }

    function test_ReceiveWithAuthorizationVector() public {
        Vector memory v = vector(RECEIVE, "ReceiveWithAuthorization");
        vm.etch(v.verifyingContract, address(dollar).code);
        // The copy's storage is empty: the zero address is its owner.
        vm.prank(address(0));
        TestDollar(v.verifyingContract).mint(v.signer, 1_000_000);
        onlyItsSignatureIsAccepted(v, sendPayment);
    }

    function sendPayment(Vector memory v, bytes memory s) private returns (bool ok) {
        Receive memory r = abi.decode(message(v, RECEIVE_TYPE), (Receive));
        bytes memory call = abi.encodeWithSignature(
            "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
            r.from,
            r.to,
            r.value,
            r.validAfter,
            r.validBefore,
            r.nonce,
            s
        );
        vm.prank(r.to);
        (ok,) = v.verifyingContract.call(call);
    }
}
