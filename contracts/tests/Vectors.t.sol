// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Grants} from "../src/Grants.sol";
import {GrantsTerms} from "../src/GrantsTerms.sol";
import {Ledger} from "../src/Ledger.sol";
import {Registry} from "../src/Registry.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {TestDollar} from "../src/TestDollar.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// specs/vectors, as made by ethers, against the contracts.
contract VectorsTest is GrantsFixture {
    string private constant MERKLE = "../specs/vectors/merkle.json";
    string private constant EIP712 = "../specs/vectors/chain-eip712.json";
    string private constant CLAIM =
        "Claim(uint64 epoch,uint32 index,bytes32 contribution,address owner,uint256 amount,bytes32 partsRoot)";
    uint256 private constant EPOCH_ROOT = 0;
    uint256 private constant WITHDRAW = 1;
    uint256 private constant CREATE_ASSET = 2;
    uint256 private constant RECEIVE = 3;
    uint256 private constant PAY_REQUEST = 4;
    uint256 private constant PROPOSE = 5;
    uint256 private constant BALLOT = 6;
    uint256 private constant OPEN_USE = 7;
    uint256 private constant USE_RESULT = 8;
    uint256 private constant USE_FAILURE = 9;
    uint256 private constant COMMITTEE = 10;
    string private constant TERMS =
        "Terms(address buyer,bytes32 buyerKey,uint8 use,bytes32[] kinds,uint16 fromYear,uint16 toYear,uint64 lastEpoch,bytes32 codeHash,uint32 groupSize,uint64 epsilon,uint256 price,uint32 uses,uint64 expiry,bytes32 salt)";

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
        uint8 vestingEpochs;
        address[] verifiers;
        bytes32[] verifierRecipients;
        uint32 threshold;
        Registry.Custody custody;
        AssetGovernor.Governance governance;
        Grants.Charter charter;
        uint256 deadline;
    }

    struct Committee {
        uint32 epoch;
        uint32 threshold;
        address[] guardians;
        bytes32[] commitments;
        bytes32[] oprfCommitments;
        bytes32 recipient;
        bytes32 transcript;
    }

    struct Proposal {
        uint256 proposalId;
        address proposer;
        uint256 deadline;
    }

    struct Ballot {
        uint256 proposalId;
        uint8 support;
        address voter;
        uint256 nonce;
    }

    struct OpenUse {
        bytes32 request;
        uint32 use;
        bytes32 oneTimeKey;
        uint32 keyVersion;
        address runner;
    }

    struct UseResult {
        bytes32 request;
        uint32 use;
        bytes32 resultHash;
        bytes32 inputsHash;
        address runner;
    }

    struct UseFailure {
        bytes32 request;
        uint32 use;
        bytes32 code;
        address runner;
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
        vm.chainId(31337);
        super.setUp();
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

    function test_EveryRangeOfEveryTreeIsClaimedWithItsProof() public {
        useAsset(params("trees"));
        string memory json = vm.readFile(MERKLE);
        for (uint256 i = 0; i < 6; i++) {
            string memory where = path(".trees", i);
            Ledger.Claim[] memory claims =
                abi.decode(vm.parseJsonTypeArray(json, string.concat(where, ".claims"), CLAIM), (Ledger.Claim[]));
            Ledger.EpochRoot memory r = epochRoot(claims);
            vm.assertEq(r.total, vm.parseJsonUint(json, string.concat(where, ".total")), "total");
            ledger.postEpoch(r, signEpoch(r, 2));
            // The ranges of a tree are apart from each other, and the last is the whole tree.
            uint256 taken = 0;
            for (uint256 j = 0; vm.keyExistsJson(json, path(string.concat(where, ".ranges"), j)); j++) {
                string memory range = path(string.concat(where, ".ranges"), j);
                uint256 first = vm.parseJsonUint(json, string.concat(range, ".first"));
                uint256 count = vm.parseJsonUint(json, string.concat(range, ".count"));
                uint256 added = ledger.claimMany(
                    part(claims, first, count), vm.parseJsonBytes32Array(json, string.concat(range, ".proof"))
                );
                vm.assertEq(added, count == claims.length ? count - taken : count, "claimed");
                taken += added;
            }
            vm.assertEq(taken, claims.length, "all");
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
        Registry.Custody memory c = custody(guardianKeys, 2, runnerKeys);
        Registry.Ceremony memory made = confirmed(address(registry), c, 1, "recipient");
        registry.initialize(founder, address(timelock), address(grants), "recipient", "policy", set, c, made);
        ledger.initialize(token, registry, stakes, EPOCH_CAP, 0);
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
        return abi.decode(message(v, createAssetTypes()), (CreateAsset));
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
            vestingEpochs: c.vestingEpochs,
            verifiers: c.verifiers,
            verifierRecipients: c.verifierRecipients,
            threshold: c.threshold,
            custody: c.custody,
            governance: c.governance,
            charter: c.charter
        });
        // The keys of the vector's guardians are hashes of their names.
        for (uint256 i = 0; i < c.custody.guardians.length; i++) {
            keyOf[c.custody.guardians[i]] = uint256(keccak256(bytes(string.concat("guardian ", vm.toString(i)))));
        }
        address created = AssetFactory(v.verifyingContract).predict(c.founder, c.salt).registry;
        Registry.Ceremony memory made = confirmed(created, c.custody, 1, c.recipient);
        (ok,) = v.verifyingContract.call(abi.encodeCall(factory.createFor, (p, c.founder, c.deadline, s, made)));
    }

    function test_CommitteeVector() public {
        Vector memory v = vector(COMMITTEE, "Committee");
        vm.etch(v.verifyingContract, factory.registryImplementation().code);
        onlyItsSignatureIsAccepted(v, sendCommittee);
        vm.assertEq(Registry(v.verifyingContract).committeeEpoch(), 1, "in force");
    }

    /// The vector's signer is the first of the guardians; the others have signed already.
    function sendCommittee(Vector memory v, bytes memory s) private returns (bool ok) {
        Committee memory c = abi.decode(message(v, COMMITTEE_TYPE), (Committee));
        bytes[] memory signatures = new bytes[](3);
        bytes32 digest = vm.parseJsonBytes32(_json, string.concat(v.where, ".digest"));
        signatures[0] = s;
        signatures[1] = signature(uint256(keccak256("guardian 1")), digest);
        signatures[2] = signature(uint256(keccak256("guardian 2")), digest);
        (address[] memory verifiers, bytes32[] memory recipients) = verifierSet(verifierKeys);
        (ok,) = v.verifyingContract
            .call(
                abi.encodeCall(
                    registry.initialize,
                    (
                        founder,
                        address(timelock),
                        address(grants),
                        c.recipient,
                        "policy",
                        Registry.VerifierSet(verifiers, recipients, 2),
                        Registry.Custody(c.guardians, c.commitments, c.oprfCommitments, c.threshold, new address[](0)),
                        Registry.Ceremony(c.transcript, signatures)
                    )
                )
            );
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

    // A buyer's request, the vote on it, and its two uses

    /// An asset whose grants and governor are at the vectors' addresses, with the vectors' signer as buyer, owner and runner.
    function useVectorAsset() private returns (address signer) {
        Vector memory pay = vector(PAY_REQUEST, "ReceiveWithAuthorization");
        signer = pay.signer;
        vm.etch(pay.verifyingContract, address(dollar).code);
        dollar = TestDollar(pay.verifyingContract);
        AssetFactory.AssetParams memory p = params("vectors");
        p.paymentToken = address(dollar);
        p.custody.runners[0] = signer;
        p.charter.minimumGroupSize = 10;
        useAsset(p);

        (Grants clone, AssetGovernor governorClone) = (grants, governor);
        grants = Grants(vector(OPEN_USE, "OpenUse").verifyingContract);
        governor = AssetGovernor(payable(vector(BALLOT, "Ballot").verifyingContract));
        vm.etch(address(grants), address(clone).code);
        vm.etch(address(governor), address(governorClone).code);
        grants.initialize(token, governor, address(timelock), p.charter);
        governor.initialize(token, registry, grants, timelock, p.governance);
        vm.startPrank(address(timelock));
        timelock.grantRole(timelock.PROPOSER_ROLE(), address(governor));
        vm.stopPrank();

        ownerKeys[3] = uint256(vm.parseJsonBytes32(_json, ".privateKey"));
        vm.startPrank(address(0));
        dollar.mint(signer, 1e15);
        vm.stopPrank();
        address[] memory owners = addressesOf(ownerKeys);
        uint256[] memory amounts = new uint256[](4);
        (amounts[0], amounts[1], amounts[2], amounts[3]) = (1e18, 1e18, 1e18, 7e18);
        Ledger.Claim[] memory claims = claimsOf(owners, amounts);
        post(claims);
        ledger.claimMany(claims, new bytes32[](0));
        grants.takeSnapshot();
        skip(1);
    }

    function termsOf(Vector memory v) private view returns (Grants.Terms memory) {
        vm.assertEq(vm.parseJsonString(_json, string.concat(v.where, ".termsType")), TERMS, "type of terms");
        return abi.decode(vm.parseJsonType(_json, string.concat(v.where, ".terms"), TERMS), (GrantsTerms.Terms));
    }

    function test_RequestVoteAndUseVectors() public {
        address signer = useVectorAsset();
        Vector memory v = vector(PAY_REQUEST, "ReceiveWithAuthorization");
        Receive memory r = abi.decode(message(v, RECEIVE_TYPE), (Receive));
        Grants.Terms memory t = termsOf(v);
        bytes32 id = r.nonce;
        vm.assertEq(grants.requestId(t), id, "the nonce is the request's identifier");
        vm.assertEq(r.to, address(grants), "payee");
        vm.assertEq(r.value, t.price * t.uses, "price of all uses");
        onlyItsSignatureIsAccepted(v, sendRequest);
        isIn(id, Grants.State.Requested, "requested");

        v = vector(PROPOSE, "Propose");
        Proposal memory p = abi.decode(message(v, PROPOSE_TYPE), (Proposal));
        vm.assertEq(p.proposalId, governor.requestProposal(id), "the proposal's identifier");
        vm.assertEq(
            vm.parseJsonString(_json, string.concat(v.where, ".description")),
            governor.requestDescription(id),
            "description"
        );
        onlyItsSignatureIsAccepted(v, sendProposal);
        vm.assertEq(governor.proposalProposer(p.proposalId), signer, "proposer");

        v = vector(BALLOT, "Ballot");
        Ballot memory b = abi.decode(message(v, BALLOT_TYPE), (Ballot));
        vm.assertEq(b.proposalId, p.proposalId, "on the same proposal");
        vm.assertEq(b.nonce, p.proposalId << 64, "the proposal's nonce");
        skip(2);
        onlyItsSignatureIsAccepted(v, sendBallot);
        (, uint256 pro,) = governor.proposalVotes(p.proposalId);
        vm.assertEq(pro, 7e18, "votes");
        vm.warp(governor.proposalDeadline(p.proposalId) + 1);
        queue(approvalOf(id));
        skip(5);
        execute(approvalOf(id));

        onlyItsSignatureIsAccepted(vector(OPEN_USE, "OpenUse"), sendOpening);
        vm.assertEq(grants.grantOf(id).runner, signer, "opened");
        onlyItsSignatureIsAccepted(vector(USE_RESULT, "Result"), sendResult);
        vm.assertEq(token.dividendsReceived(), t.price, "settled");
        runnerKeys[0] = ownerKeys[3];
        open(id, 2);
        onlyItsSignatureIsAccepted(vector(USE_FAILURE, "Failure"), sendFailure);
        vm.assertEq(grants.creditOf(signer), t.price, "the other use goes back");
    }

    function sendRequest(Vector memory v, bytes memory s) private returns (bool ok) {
        Receive memory r = abi.decode(message(v, RECEIVE_TYPE), (Receive));
        bytes memory code = bytes(vm.parseJsonString(_json, string.concat(v.where, ".code")));
        (ok,) = address(grants).call(abi.encodeCall(grants.request, (termsOf(v), code, r.validBefore, s)));
    }

    function sendProposal(Vector memory v, bytes memory s) private returns (bool ok) {
        Proposal memory p = abi.decode(message(v, PROPOSE_TYPE), (Proposal));
        Action memory a = approvalOf(vm.parseJsonBytes32(_json, string.concat(v.where, ".request")));
        (ok,) = address(governor)
            .call(
                abi.encodeCall(
                    governor.proposeBySig,
                    (a.targets, a.values, a.calldatas, a.description, p.proposer, p.deadline, s)
                )
            );
    }

    function sendBallot(Vector memory v, bytes memory s) private returns (bool ok) {
        Ballot memory b = abi.decode(message(v, BALLOT_TYPE), (Ballot));
        (ok,) = address(governor).call(abi.encodeCall(governor.castVoteBySig, (b.proposalId, b.support, b.voter, s)));
    }

    function sendOpening(Vector memory v, bytes memory s) private returns (bool ok) {
        OpenUse memory o = abi.decode(message(v, OPEN_USE_TYPE), (OpenUse));
        (ok,) = address(grants)
            .call(abi.encodeCall(grants.openUse, (o.request, o.use, o.oneTimeKey, o.keyVersion, o.runner, s)));
    }

    function sendResult(Vector memory v, bytes memory s) private returns (bool ok) {
        UseResult memory r = abi.decode(message(v, RESULT_TYPE), (UseResult));
        (ok,) = address(grants)
            .call(abi.encodeCall(grants.postResult, (r.request, r.use, r.resultHash, r.inputsHash, s)));
    }

    function sendFailure(Vector memory v, bytes memory s) private returns (bool ok) {
        UseFailure memory f = abi.decode(message(v, FAILURE_TYPE), (UseFailure));
        (ok,) = address(grants).call(abi.encodeCall(grants.failUse, (f.request, f.use, f.code, s)));
    }
}
